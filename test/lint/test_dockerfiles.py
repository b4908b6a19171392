"""
The Dockerfiles: what can be checked without building them.

The parser knows only what these files use. Every rule has a test on a small wrong file: a checker
that finds nothing proves nothing.
"""
from collections.abc import Iterator
import json
from pathlib import Path
import re
import shlex

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / 'docker'
NAMES = ('Dockerfile.cpu', 'Dockerfile.cuda')
PYTHONS = {'humble': '3.10', 'jazzy': '3.12', 'lyrical': '3.14'}
PINNED_FOR = ('3.10', '3.11', '3.12', '3.13')  # what requirements/*.txt say they serve
BASES = re.compile(r'(ros|osrf/ros|nvidia/cuda|nvcr\.io/nvidia/[a-z0-9-]+):[a-z0-9._-]+')
LISTS = 'rm -rf /var/lib/apt/lists/*'
WITH_VALUE = ('--index-url', '--extra-index-url', '--only-binary')  # options of pip
FROM_ROS = ('numpy', 'opencv')  # whose versions are those that cv_bridge was built for

Lines = list[tuple[str, str]]


def parse(text: str, given: dict[str, str] | None = None) -> Lines:
    """
    Split a Dockerfile into (instruction, rest), with the values of arguments filled in.

    :param given: as by ``--build-arg``.
    """
    kept = [line for line in text.splitlines() if not line.lstrip().startswith('#')]
    values: dict[str, str] = {}
    lines = []
    for line in re.sub(r'\\\n', ' ', '\n'.join(kept)).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(' ')
        rest = fill_in(rest, values)
        if word == 'ARG':
            name, _, default = rest.partition('=')
            values[name] = (given or {}).get(name, default.strip('"'))
        lines.append((word, rest.strip()))
    return lines


def fill_in(text: str, values: dict[str, str]) -> str:
    """Put in the values of arguments: $NAME, ${NAME}, ${NAME:+if it is not empty}."""
    text = re.sub(r'\$\{(\w+):\+([^}]*)\}',
                  lambda m: m[2] if values.get(m[1]) else '', text)
    return re.sub(r'\$(?:(\w+)|\{(\w+)\})', lambda m: values.get(m[1] or m[2], m[0]), text)


def rest_of(lines: Lines, word: str) -> list[str]:
    return [rest for instruction, rest in lines if instruction == word]


def pip_arguments(lines: Lines) -> Iterator[str]:
    """Give what `pip install` and `set --` are told to install."""
    for run in rest_of(lines, 'RUN'):
        for command in split_commands(run):
            if command[:2] == ['set', '--']:
                yield from command[2:]
            elif len(command) > 1 and command[0].endswith('pip') and command[1] == 'install':
                words = iter(command[2:])
                for word in words:
                    if word in WITH_VALUE:
                        next(words)
                    elif not word.startswith('-') and word != '$@':
                        yield word


def split_commands(run: str) -> Iterator[list[str]]:
    command: list[str] = []
    for word in [*shlex.split(run), '&&']:
        if word == '&&':
            yield command
            command = []
        else:
            command.append(word)


def pins(lines: Lines, python: str) -> dict[str, str]:
    """Give name and version of what pip installs for a Python."""
    found = {}
    for text in pip_arguments(lines):
        wanted = Requirement(text)
        if not wanted.marker or wanted.marker.evaluate({'python_version': python}):
            found[canonicalize_name(wanted.name)] = str(wanted.specifier)
    return found


def pins_of_repository() -> dict[str, str]:
    lines = [line.partition('#')[0].strip() for path in sorted(ROOT.glob('requirements/*.txt'))
             for line in path.read_text().splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith('-')]
    return {canonicalize_name(each.name): str(each.specifier) for each in wanted}


def check(lines: Lines, root: Path = ROOT) -> list[str]:
    """Say what is wrong with a Dockerfile."""
    return [*check_base(lines), *check_apt(lines), *check_pip(lines),
            *check_copy(lines, root), *check_start(lines, root)]


def check_base(lines: Lines) -> Iterator[str]:
    for image in rest_of(lines, 'FROM'):
        if not BASES.fullmatch(image) or 'latest' in image:
            yield f'base image {image}: not one of ROS or NVIDIA with a version'


def check_apt(lines: Lines) -> Iterator[str]:
    for run in rest_of(lines, 'RUN'):
        last = max(run.rfind(word) for word in ('apt-get update', 'apt-get install',
                                                'rosdep install'))
        removed = re.search(r'rm -rf [^&;]*/var/lib/apt/lists/\*', run[max(last, 0):])
        if last >= 0 and not removed:
            yield f'no `{LISTS}` after apt-get in the same RUN: {run[:60]}'


def check_pip(lines: Lines) -> Iterator[str]:
    for text in pip_arguments(lines):
        if not re.fullmatch(r'==[^*,]+', str(Requirement(text).specifier)):
            yield f'{text} has no version that is pinned'


def check_copy(lines: Lines, root: Path) -> Iterator[str]:
    for source in copied(lines):
        if not (root / source).exists():
            yield f'COPY {source}: not in the repository'


def copied(lines: Lines) -> list[str]:
    return [source for rest in rest_of(lines, 'COPY') for source in rest.split()[:-1]]


def check_start(lines: Lines, root: Path) -> Iterator[str]:
    users = rest_of(lines, 'USER')
    if not users or users[-1].partition(':')[0] in ('root', '0'):
        yield 'it runs as root: no other USER'
    command = json.loads((rest_of(lines, 'CMD') or ['[]'])[-1])
    if command[:3] != ['ros2', 'launch', 'panmatch_ros'] \
            or not (root / 'launch' / ''.join(command[3:4])).is_file():
        yield f'CMD {command}: no launch file of this package'


# The files themselves.

@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.mark.parametrize('distro', PYTHONS)
def test_nothing_is_wrong(name, distro):
    assert check(parse((DOCKER / name).read_text(), {'ROS_DISTRO': distro})) == []


def test_the_base_follows_the_distribution(name):
    bases = {distro: rest_of(parse((DOCKER / name).read_text(), {'ROS_DISTRO': distro}), 'FROM')
             for distro in PYTHONS}
    assert bases == {distro: [f'ros:{distro}-ros-base'] for distro in PYTHONS}


@pytest.mark.parametrize('python', PINNED_FOR)
def test_versions_are_those_of_the_repository(name, python):
    here, there = pins(parse((DOCKER / name).read_text()), python), pins_of_repository()
    common = here.keys() & there.keys() - set(FROM_ROS)
    assert 'onnxruntime' in common
    assert {each: here[each] for each in common} == {each: there[each] for each in common}


@pytest.mark.parametrize(('distro', 'numpy'), [
    ('humble', '==1.26.4'), ('jazzy', '==1.26.4'), ('lyrical', None)])
def test_numpy_is_one_that_cv_bridge_was_built_for(name, distro, numpy):
    # Up to Jazzy for NumPy 1; Jazzy itself has 1.26.4, so that pip installs none there.
    here = pins(parse((DOCKER / name).read_text()), PYTHONS[distro])
    assert here.get('numpy') == numpy
    assert not [each for each in here if each.startswith('opencv')]
    assert 'onnxruntime' in here


def test_all_that_cmake_installs_is_copied(name):
    cmake = (ROOT / 'CMakeLists.txt').read_text()
    for text in ('"msg/', ' scripts/*', 'DIRECTORY ${PROJECT_NAME}/', 'DIRECTORY launch config '):
        assert text in cmake
    assert set(copied(parse((DOCKER / name).read_text()))) == {
        'CMakeLists.txt', 'package.xml', 'LICENSE', 'msg', 'scripts', 'panmatch_ros', 'launch',
        'config'}


def test_what_is_copied_reaches_docker(name):
    rules = (DOCKER / f'{name}.dockerignore').read_text().splitlines()
    assert '*' in rules
    assert {rule[1:] for rule in rules if rule.startswith('!')} \
        == set(copied(parse((DOCKER / name).read_text())))


def test_arguments_in_the_documentation_exist(name):
    arguments = {rest.partition('=')[0] for each in NAMES
                 for rest in rest_of(parse((DOCKER / each).read_text()), 'ARG')}
    text = (DOCKER / 'README.md').read_text() + (ROOT / 'docs' / 'deployment.md').read_text()
    named = set(re.findall(r'--build-arg (\w+)=', text))
    assert 'ROS_DISTRO' in named
    assert named <= arguments


def test_empty_arguments_leave_packages_out():
    text = (DOCKER / 'Dockerfile.cuda').read_text()
    jetson = pins(parse(text, {'TORCH': '2.8.0', 'TORCH_TENSORRT': '', 'TENSORRT': ''}), '3.10')
    assert jetson['torch'] == '==2.8.0'
    assert not {'torch-tensorrt', 'tensorrt'} & jetson.keys()
    assert {'torch-tensorrt', 'tensorrt'} <= pins(parse(text), '3.10').keys()


# The checker, on small wrong files.

GOOD = """
ARG DISTRO=jazzy
FROM ros:${DISTRO}-ros-base
# a comment
RUN apt-get update \\
 # another one
 && apt-get install -y python3-venv && rm -rf /var/lib/apt/lists/*
RUN pip install --index-url https://example.org "torch==2.13.0"
COPY there .
USER somebody
CMD ["ros2", "launch", "panmatch_ros", "stereo.launch.py"]
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'launch').mkdir()
    (tmp_path / 'launch' / 'stereo.launch.py').touch()
    (tmp_path / 'there').touch()
    return tmp_path


def test_a_good_file_passes(root):
    assert check(parse(GOOD), root) == []


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('ros:${DISTRO}-ros-base', 'ros:latest', 'base image ros:latest'),
    ('ros:${DISTRO}-ros-base', 'ros', 'base image ros:'),
    ('ros:${DISTRO}-ros-base', 'somebody/ros:jazzy', 'base image somebody/ros:jazzy'),
    (' && rm -rf /var/lib/apt/lists/*', '', 'no `rm -rf /var/lib/apt/lists/*`'),
    (' && rm -rf /var/lib/apt/lists/*', '\nRUN rm -rf /var/lib/apt/lists/*', 'no `rm -rf'),
    ('torch==2.13.0', 'torch', 'torch has no version'),
    ('torch==2.13.0', 'torch>=2.13', 'torch>=2.13 has no version'),
    ('torch==2.13.0', 'torch==2.*', 'has no version'),
    ('COPY there .', 'COPY there elsewhere .', 'COPY elsewhere: not in'),
    ('USER somebody\n', '', 'it runs as root'),
    ('USER somebody', 'USER somebody\nUSER 0:0', 'it runs as root'),
    ('stereo.launch.py', 'other.launch.py', 'no launch file'),
    ('"stereo.launch.py"', '""', 'no launch file'),
])
def test_a_wrong_file_does_not(root, old, new, message):
    assert old in GOOD
    found = check(parse(GOOD.replace(old, new)), root)
    assert len(found) == 1
    assert message in found[0]
