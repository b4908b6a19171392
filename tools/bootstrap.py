#!/usr/bin/env python3
"""
Set up everything that `make test` and `make demo` need, once, with the standard library only.

1. A virtualenv `.venv` with pinned dependencies.
2. ROS 2: a sourced installation if there is one (`ROS_DISTRO` is set), else the Jazzy wheels
   and the message of TF, for which there is no wheel.
3. The messages of this package, built by colcon into `install/`.

Every step prints what it does, is skipped when nothing changed, and says what to install
when it cannot be done. `source tools/activate.sh` then gives a shell with all of it.
An interrupted run leaves no stamp, so the next one starts that step anew.
"""
import hashlib
import os
from pathlib import Path
import platform
import shutil
import subprocess
import sys
import sysconfig
import venv

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / '.venv'
STAMP = VENV / 'bootstrap.sha256'
OLDEST, NEWEST = (3, 10), (3, 13)


def main() -> int:
    try:
        system_ros = os.environ.get('ROS_DISTRO', '')
        check_python()
        if not system_ros:
            check_platform()
        install_packages(system_ros)
        build_tf(system_ros)
        build_messages(system_ros)
    except SetupError as error:
        print(f'\nset-up failed: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nset-up interrupted; run make again', file=sys.stderr)
        return 130
    return 0


class SetupError(Exception):
    """Something the user has to do first; the text says what."""


def say(text: str) -> None:
    print(f'[setup] {text}', flush=True)


def check_python() -> None:
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        raise SetupError(
            f'Python {version[0]}.{version[1]} at {sys.executable} is not supported: '
            'Python 3.10 to 3.13 is needed. Name one with `make PYTHON=/path/to/python3.11 test`.')


def check_platform() -> None:
    if platform.system() != 'Linux' or platform.machine() not in ('x86_64', 'AMD64'):
        raise SetupError(
            f'ROS 2 wheels exist for Linux on x86_64 only, this is {platform.system()} on '
            f'{platform.machine()}. Install ROS 2 (Humble, Jazzy or later) from your '
            'distribution, `source /opt/ros/DISTRO/setup.bash`, and run make again.')


# Quoted where older Pythons cannot evaluate the type: they shall get as far as check_python().
def requirement_files(system_ros: str) -> 'list[Path]':
    # A ROS distribution brings NumPy and OpenCV, and its messages are built against them.
    names = ['network.txt', 'dev.txt']
    if not system_ros:
        names = ['base.txt', *names, 'ros-jazzy.txt']
    return [ROOT / 'requirements' / name for name in names]


def install_packages(system_ros: str) -> None:
    files = requirement_files(system_ros)
    wanted = digest([*files, ROOT / 'setup.py'],
                    f'{sys.version} {system_ros} {ROOT}')
    if STAMP.exists() and STAMP.read_text() == wanted:
        say('virtualenv is up to date')
        return
    source = f'ROS 2 {system_ros} of this machine' if system_ros else 'ROS 2 Jazzy wheels'
    say(f'creating .venv with Python {platform.python_version()} and {source} (a few minutes)')
    try:
        venv.create(VENV, clear=True, with_pip=True, symlinks=True,
                    system_site_packages=bool(system_ros))
    except (subprocess.CalledProcessError, OSError) as error:
        raise SetupError(f'cannot create a virtualenv ({error}). On Debian and Ubuntu: '
                         'sudo apt install python3-venv') from error
    pip = [str(VENV / 'bin' / 'python'), '-m', 'pip', '--disable-pip-version-check', '-q']
    arguments = [item for file in files for item in ('-r', str(file))]
    run([*pip, 'install', '--use-pep517', *arguments],
        'pip could not install the dependencies; is there a network?')
    run([*pip, 'install', '--no-deps', '--no-build-isolation', '-e', str(ROOT)],
        'pip could not install this package')
    if system_ros:
        run([str(VENV / 'bin' / 'python'), '-c', 'import cv2, numpy, rclpy, yaml'],
            'packages of the ROS distribution are missing; on Debian and Ubuntu: sudo apt install '
            f'python3-numpy python3-opencv python3-yaml ros-{system_ros}-rclpy')
    else:
        fix_exported_paths()
    STAMP.write_text(wanted)


def fix_exported_paths(prefix: Path = VENV) -> None:
    """Point the wheels' CMake files at this Python: they carry the path of their build machine."""
    version = f'{sys.version_info[0]}.{sys.version_info[1]}'
    tag = version.replace('.', '')
    built = f'/opt/python/cp{tag}-cp{tag}'
    replacements = {
        f'{built}/include/python{version}': sysconfig.get_paths()['include'],
        f'{built}/lib/python{version}/site-packages': str(site_packages(prefix)),
    }
    for path in prefix.glob('share/*/cmake/*'):
        if not path.is_file():
            continue
        text = path.read_text(errors='surrogateescape')
        fixed = text
        for old, new in replacements.items():
            fixed = fixed.replace(old, new)
        if fixed != text:
            path.write_text(fixed, errors='surrogateescape')


def site_packages(prefix: Path) -> Path:
    return next((prefix / 'lib').glob('python3*')) / 'site-packages'


def build_tf(system_ros: str) -> None:
    """Build the message of TF into the virtualenv; without it only motion_depth_node lacks TF."""
    if system_ros or (site_packages(VENV) / 'tf2_msgs').is_dir() or missing_build_tools(''):
        return
    from tf_messages import build_tf_messages
    say('building the message of TF, for which there is no wheel (about 15 s)')
    environment, log = build_environment(''), ROOT / 'build' / 'tf2_msgs.log'
    try:
        build_tf_messages(ROOT / 'build' / 'tf2_msgs', VENV, lambda command: run(
            command, f'it could not be built; what was printed is in {log}', environment, log))
    except SetupError as error:
        say(f'WARNING: no TF in motion_depth_node, which can take odometry instead: {error}')


def build_messages(system_ros: str) -> None:
    """Run colcon; without a compiler go on, since every essential output has a standard type."""
    inputs = sorted([*ROOT.glob('msg/*.msg'), *ROOT.glob('scripts/*'), *ROOT.glob('launch/*'),
                     *ROOT.glob('config/**/*'), *ROOT.glob('panmatch_ros/**/*'),
                     ROOT / 'CMakeLists.txt', ROOT / 'package.xml'])
    files = [path for path in inputs if path.is_file() and '__pycache__' not in path.parts]
    # Python files are symlinked: a new name needs a build, a new text does not.
    names = '\n'.join(str(path.relative_to(ROOT)) for path in files)
    texts = [path for path in files if path.suffix in ('.msg', '.txt', '.xml')]
    stamp = ROOT / 'install' / 'bootstrap.sha256'
    wanted = digest(texts, names + sys.version + system_ros + str(VENV))
    if stamp.exists() and stamp.read_text() == wanted:
        say('colcon build is up to date')
        return
    missing = missing_build_tools(system_ros)
    if missing:
        say(f'WARNING: {missing}; the custom messages are not built (topics optical_flow and '
            'statistics stay silent, everything else works)')
        return
    say('colcon build of the messages, nodes and launch files (about 20 s the first time)')
    # Anew, since what an interrupted build or another Python left may not fit.
    stamp.unlink(missing_ok=True)
    for folder in ('build', 'install'):
        shutil.rmtree(ROOT / folder / 'panmatch_ros', ignore_errors=True)
    command = [
        'colcon', '--log-level', 'error', 'build', '--symlink-install',
        '--base-paths', str(ROOT), '--cmake-args', '-DBUILD_TESTING=OFF',
        f'-DPython3_EXECUTABLE={VENV / "bin" / "python"}']
    run(command, 'colcon build failed; all it printed is in build/colcon.log',
        env=build_environment(system_ros), log=ROOT / 'build' / 'colcon.log')
    stamp.write_text(wanted)


def missing_build_tools(system_ros: str) -> str:
    if not (shutil.which('c++') or shutil.which('g++') or shutil.which('clang++')):
        return 'no C++ compiler (Debian and Ubuntu: sudo apt install g++)'
    if not shutil.which('make'):
        return 'no make (Debian and Ubuntu: sudo apt install make)'
    if not (Path(sysconfig.get_paths()['include']) / 'Python.h').exists():
        return 'no Python headers (Debian and Ubuntu: sudo apt install python3-dev)'
    if system_ros and not shutil.which('colcon'):
        return 'no colcon (sudo apt install python3-colcon-common-extensions)'
    return ''


def build_environment(system_ros: str, prefix: Path = VENV) -> 'dict[str, str]':
    env = dict(os.environ)
    env['PATH'] = f'{prefix / "bin"}:{env.get("PATH", "")}'
    env['VIRTUAL_ENV'] = str(prefix)
    env.pop('_ROS_WHEELS_BOOTSTRAP_COMPLETE', None)
    if not system_ros:
        env['AMENT_PREFIX_PATH'] = env['CMAKE_PREFIX_PATH'] = str(prefix)
        env['PYTHONPATH'] = str(site_packages(prefix))
    return env


def digest(files: 'list[Path]', extra: str) -> str:
    total = hashlib.sha256(extra.encode())
    for path in files:
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def run(command: 'list[str]', failure: str, env: 'dict[str, str] | None' = None,
        log: 'Path | None' = None) -> None:
    """Run a command; with ``log``, show its output only if it fails."""
    env = dict(env or os.environ)
    env.pop('_ROS_WHEELS_BOOTSTRAP_COMPLETE', None)
    try:
        result = subprocess.run(command, cwd=ROOT, env=env, check=False,
                                stdout=subprocess.PIPE if log else None,
                                stderr=subprocess.STDOUT if log else None)
    except OSError as error:
        raise SetupError(f'{failure} ({error})') from error
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(result.stdout)
    if result.returncode:
        if log:
            print(result.stdout.decode(errors='replace')[-4000:], file=sys.stderr)
        raise SetupError(f'{failure} (exit code {result.returncode})')


if __name__ == '__main__':
    sys.exit(main())
