"""Launch files as processes, what they start, and packages of ours in the place of others."""
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys

from plane_scene import messages
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python

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


def wait_for_nodes(graph, launched, *names):
    def up():
        found = {f'{space.rstrip("/")}/{name}' for name, space in
                 graph.node.get_node_names_and_namespaces()}
        return found >= set(names) or launched.process.poll() is not None
    assert graph.spin_until(up, timeout_s=20), launched.text()
    assert launched.process.poll() is None, launched.text()


def parameters_of(graph, node, *names):
    client = graph.node.create_client(GetParameters, f'{node}/get_parameters')
    assert client.wait_for_service(10)
    future = client.call_async(GetParameters.Request(names=list(names)))
    assert graph.spin_until(future.done)
    return [parameter_value_to_python(value) for value in future.result().values]


def publish_until(graph, topic, publish):
    """
    Publish frame after frame until something comes back on a topic.

    Between processes one side may know the other before it is known itself; a best-effort
    message is lost then.
    """
    for index in range(10):
        publish(index)
        if graph.spin_until(lambda: graph.received[topic], 1.0):
            break
    return graph.wait_for(topic)


def depth_of(graph, topic, cameras, image='image_rect', info='camera_info'):
    """Publish a plane at 2 m (30 px of disparity) and give the depth message."""
    def publish(index):
        left, right, infos = messages(1.0 + index / 10)
        for camera, of_camera, pixels in zip(cameras, infos, (left, right), strict=True):
            graph.publish(f'{camera}/{info}', of_camera)
            graph.publish(f'{camera}/{image}', pixels)

    return publish_until(graph, topic, publish)


def assert_ends_cleanly(launched):
    assert launched.end() == 0, launched.text()
    text = launched.text()
    assert 'process has finished cleanly' in text
    assert 'Traceback' not in text
    assert 'escalating' not in text
