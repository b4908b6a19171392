"""Launch files as processes, and packages of ours in the place of others."""
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys

LAUNCH = Path(__file__).parents[2] / 'launch'
RUN = """
import signal, sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
signal.signal(signal.SIGINT, signal.default_int_handler)
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(
    PythonLaunchDescriptionSource(sys.argv[1]),
    launch_arguments=[argument.split(':=', 1) for argument in sys.argv[2:]])]))
sys.exit(service.run())
"""
# Passes the images on, as image_proc does where there is no distortion.
RECTIFY_NODE = """
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image
rclpy.init()
node = Node('RectifyNode')
output = node.create_publisher(Image, 'image_rect', 1)
node.create_subscription(Image, 'image', output.publish, 1)
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    pass
"""


class Launched:
    """A launch file that runs in a process group of its own, as in a terminal."""

    def __init__(self, folder, name, arguments, environment):
        self.log = folder / 'launch.log'
        with self.log.open('w') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-c', RUN, str(LAUNCH / f'{name}.launch.py'),
                 *(f'{key}:={value}' for key, value in arguments.items())],
                cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True)

    def text(self):
        return self.log.read_text()

    def end(self, sent=signal.SIGINT):
        """Send Ctrl-C to the whole group and give the exit code."""
        os.killpg(self.process.pid, sent)
        return self.wait()

    def wait(self, timeout_s=15):
        return self.process.wait(timeout_s)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def make_package(tmp_path, name, executable, script):
    """Let a package of ours stand in for one that launch starts; give the environment."""
    path = tmp_path / 'prefix' / 'lib' / name / executable
    marker = tmp_path / 'prefix' / 'share' / 'ament_index' / 'resource_index' / 'packages' / name
    for file in (path, marker):
        file.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!{sys.executable}\n{script}')
    path.chmod(0o755)
    marker.touch()
    return {'AMENT_PREFIX_PATH': f'{tmp_path / "prefix"}:{os.environ["AMENT_PREFIX_PATH"]}'}
