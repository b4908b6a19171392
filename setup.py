"""
Install with pip what colcon installs through CMakeLists.txt.

colcon never runs this file (package.xml says ament_cmake). ``pip install .`` gives the Python
modules, executables, launch files and parameters. With ``PANMATCH_ROS_INTERFACES=1 pip install
--no-build-isolation .`` and the ROS generators in the environment it builds the messages too.
"""
from glob import glob
import os
from pathlib import Path
import shutil
import subprocess
import sys

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py

NAME = 'panmatch_ros'
VERSION = '0.1.0'
WITH_INTERFACES = os.environ.get('PANMATCH_ROS_INTERFACES') == '1'
SHARE = f'share/{NAME}'


class BuildWithInterfaces(build_py):
    """Run CMakeLists.txt and put its whole install tree into the wheel."""

    def run(self):
        super().run()
        if not WITH_INTERFACES:
            return
        source = Path(__file__).resolve().parent
        work = Path(self.build_lib).resolve().parent / 'ros'
        shutil.rmtree(work, ignore_errors=True)  # it may be of another Python
        prefix = work / 'prefix'
        environment = ros_environment(source)
        subprocess.check_call(['cmake', '-S', str(source), '-B', str(work / 'build'),
                               '-DBUILD_TESTING=OFF', f'-DCMAKE_INSTALL_PREFIX={prefix}',
                               f'-DPython3_EXECUTABLE={sys.executable}'],
                              env=environment)
        subprocess.check_call(['cmake', '--build', str(work / 'build'), '--target', 'install'],
                              env=environment)
        site = next(prefix.glob('**/*-packages'))
        shutil.copytree(site / NAME, Path(self.build_lib) / NAME, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns('__pycache__', '*.c'))
        for path in sorted(prefix.rglob('*')):
            relative = path.relative_to(prefix)
            if path.is_file() and site not in path.parents:
                self.distribution.data_files.append((str(relative.parent), [str(path)]))


def ros_environment(source):
    """Use the ROS that is sourced, else the ROS wheels next to this Python."""
    if os.environ.get('ROS_DISTRO'):
        return None
    if not Path(sys.prefix, 'share', 'ament_cmake').is_dir():
        sys.exit('PANMATCH_ROS_INTERFACES=1 needs ROS 2: source your ROS 2 installation first, or '
                 'install its wheels: pip install -r requirements/ros-jazzy.txt')
    sys.path.insert(0, str(source / 'tools'))
    import bootstrap
    bootstrap.fix_exported_paths(Path(sys.prefix))
    return bootstrap.build_environment('', Path(sys.prefix))


class BinaryDistribution(Distribution):
    """Name the wheel after this platform when it holds compiled messages."""

    def has_ext_modules(self):
        return WITH_INTERFACES


DATA_FILES = [
    ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
    (SHARE, ['package.xml']),
    (f'{SHARE}/launch', glob('launch/*.py')),
    (f'{SHARE}/config', glob('config/*.yaml')),
    (f'{SHARE}/config/eval', glob('config/eval/*.yaml')),
    (f'{SHARE}/config/rviz', glob('config/rviz/*.rviz')),
    (f'{SHARE}/config/fastdds', glob('config/fastdds/*.xml')),
    (f'{SHARE}/msg', glob('msg/*.msg')),
    (f'lib/{NAME}', glob('scripts/*')),
]

setup(
    name=NAME,
    version=VERSION,
    description='Stereo disparity, depth, point clouds and optical flow for ROS 2 from one '
                'displacement field (PanMatch)',
    long_description=Path('README.md').read_text() if Path('README.md').exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['checkpoints/weights/*']},
    install_requires=['numpy>=1.23', 'opencv-python-headless>=4.6,<5', 'PyYAML>=5.4',
                      'onnxruntime>=1.17'],
    extras_require={'openvino': ['openvino>=2024.0'],
                    'bag': ['rosbags>=0.10.4'],
                    'spring': ['h5py>=3.8'],
                    'network': ['torch>=2.4', 'safetensors>=0.4', 'tqdm>=4.60']},
    distclass=BinaryDistribution,
    cmdclass={'build_py': BuildWithInterfaces},
    data_files=[] if WITH_INTERFACES else DATA_FILES,
    zip_safe=False,
    entry_points={'console_scripts': [
        'panmatch = panmatch_ros.cli.main:main',
        'panmatch_stereo_node = panmatch_ros.nodes.start:stereo_node',
        'panmatch_flow_node = panmatch_ros.nodes.start:flow_node',
        'panmatch_match_node = panmatch_ros.nodes.start:match_node',
        'panmatch_motion_depth_node = panmatch_ros.nodes.start:motion_depth_node',
        'panmatch_perception_node = panmatch_ros.nodes.start:perception_node',
        'panmatch_managed_stereo_node = panmatch_ros.nodes.start:managed_stereo_node',
        'panmatch_managed_flow_node = panmatch_ros.nodes.start:managed_flow_node',
        'panmatch_managed_match_node = panmatch_ros.nodes.start:managed_match_node',
        'panmatch_managed_motion_depth_node = panmatch_ros.nodes.start:managed_motion_depth_node',
        'panmatch_managed_perception_node = panmatch_ros.nodes.start:managed_perception_node',
        'panmatch_image_player = panmatch_ros.nodes.start:image_player',
        'panmatch_recorder = panmatch_ros.nodes.start:recorder',
        'panmatch_evaluator_node = panmatch_ros.nodes.start:evaluator_node',
        'panmatch_bag_player = panmatch_ros.nodes.start:bag_player',
    ]},
)
