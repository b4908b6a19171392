"""Which topics the recorder keeps of each matcher node."""
from collections.abc import Mapping
import importlib

from ..core.errors import ConfigError
from .diagnostics import own_messages

OWN = 'panmatch_ros'
IMAGE, INFO, CLOUD = 'sensor_msgs/Image', 'sensor_msgs/CameraInfo', 'sensor_msgs/PointCloud2'
DEPTH = {'depth': IMAGE, 'depth/camera_info': INFO, 'points2': CLOUD, 'confidence': IMAGE}
STEREO = {'left/image_rect': IMAGE, 'disparity': 'stereo_msgs/DisparityImage', **DEPTH}
FLOW = {'flow': IMAGE, 'flow/confidence': IMAGE, 'optical_flow': f'{OWN}/OpticalFlow'}
TOPICS: dict[str, dict[str, str]] = {
    'stereo': STEREO,
    'flow': {'image': IMAGE, **FLOW, 'flow/image_color': IMAGE},
    'match': {'correspondences': f'{OWN}/Correspondences', 'pose': 'geometry_msgs/PoseStamped',
              'pose/status': 'diagnostic_msgs/DiagnosticArray', 'matches/image_color': IMAGE},
    'motion_depth': {'image': IMAGE, **DEPTH},
    'perception': {**STEREO, **FLOW, 'scene_flow': CLOUD, 'moving': IMAGE},
}


def chosen_topics(task: str, names: str = '') -> dict[str, type]:
    """
    Give the topics to record with their message classes.

    :param task: whose outputs.
    :param names: of those that are wanted, with spaces between; empty for all that can be had:
        messages of this package may not have been built.
    :raises ConfigError: if the task has no topic of that name, or a message is not installed.
    """
    table: Mapping[str, str] = TOPICS[task]
    wanted = names.split()
    unknown = [name for name in wanted if name not in table]
    if unknown:
        raise ConfigError(f'topics names {unknown[0]}, which the task {task} does not have; '
                          f'expected some of {", ".join(table)}')
    if not wanted:
        wanted = [name for name, kind in table.items()
                  if own_messages() is not None or not kind.startswith(OWN)]
    return {name: _message_class(name, table[name]) for name in wanted}


def _message_class(topic: str, kind: str) -> type:
    package, name = kind.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except ModuleNotFoundError as error:
        what = ('build this package with colcon' if package == OWN else
                f'install ros-$ROS_DISTRO-{package.replace("_", "-")}')
        raise ConfigError(f'{topic} needs the message {kind} ({error}): {what}, or name other '
                          'topics') from None
