"""Messages as arrays with names, as the recorder writes them."""
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from stereo_msgs.msg import DisparityImage

from ..core.image_message import view_image
from .conversions import image_from_message

LAYOUT = {'32FC1': ('f4', 1), '32FC2': ('f4', 2), '16UC1': ('u2', 1), 'rgb8': ('u1', 3),
          'mono8': ('u1', 1)}
DISPARITY_FIELDS = ('f', 't', 'min_disparity', 'max_disparity', 'delta_d')


def arrays_of(name: str, message: Any) -> dict[str, np.ndarray]:
    """
    Turn a message into arrays.

    :param name: of its topic, which begins the name of each array.
    :param message: an output of a node, or an image.
    :returns: arrays by topic, and field where a message has several.
    :raises ImageError: if an image cannot be read.
    """
    kind = type(message).__name__
    if isinstance(message, DisparityImage):
        return {name: pixels_of(message.image, name),
                **{f'{name}.{field}': np.array(getattr(message, field))
                   for field in DISPARITY_FIELDS}}
    if isinstance(message, PointCloud2):
        return _of_cloud(name, message)
    if isinstance(message, CameraInfo):
        return {f'{name}.p': np.array(message.p)}
    if kind == 'PoseStamped':
        place, turn = message.pose.position, message.pose.orientation
        return {f'{name}.position': np.array([place.x, place.y, place.z]),
                f'{name}.orientation': np.array([turn.x, turn.y, turn.z, turn.w])}
    if kind == 'Correspondences':
        return _of_correspondences(name, message)
    if kind == 'OpticalFlow':
        return {name: pixels_of(message.flow, name), f'{name}.dt': np.array(message.dt),
                f'{name}.confidence': pixels_of(message.confidence, name)}
    return {name: pixels_of(message, name)}


def pixels_of(message: Image, name: str) -> np.ndarray:
    """
    Copy the pixels of an image.

    :param name: of its topic.
    :returns: values as they are in the message; images of a camera grey or RGB.
    :raises ImageError: if the message cannot be read.
    """
    if message.encoding not in LAYOUT:
        return image_from_message(message, name).copy()
    kind, channels = LAYOUT[message.encoding]
    return view_image(message, np.dtype(kind), channels).copy()


def values_of(message: DiagnosticArray) -> dict[str, dict[str, str]]:
    """Give the values of each status, by its name; ``message`` is what it says."""
    return {status.name: {'message': status.message,
                          **{item.key: item.value for item in status.values}}
            for status in message.status}


def _of_cloud(name: str, message: PointCloud2) -> dict[str, np.ndarray]:
    """Points (H, W, 3), and colours and velocities of the same shape where it has them."""
    shape = (message.height, message.width)
    floats = np.frombuffer(message.data, np.float32).reshape(*shape, message.point_step // 4)
    offsets = {field.name: field.offset for field in message.fields}
    arrays: dict[str, np.ndarray] = {name: floats[..., :3].copy()}
    if 'vx' in offsets:
        first = offsets['vx'] // 4
        arrays[f'{name}.velocity'] = floats[..., first:first + 3].copy()
    if 'rgb' in offsets:
        first = offsets['rgb']
        raw = np.frombuffer(message.data, np.uint8).reshape(*shape, message.point_step)
        arrays[f'{name}.rgb'] = raw[..., first:first + 3][..., ::-1].copy()
    return arrays


def _of_correspondences(name: str, message: Any) -> dict[str, np.ndarray]:
    """Points (N, 2) and scores (N,); the sizes are (height, width) of image 0 and image 1."""
    sizes = [[message.image0_height, message.image0_width],
             [message.image1_height, message.image1_width]]
    return {**{f'{name}.{field}': np.array(getattr(message, field), np.float32).reshape(-1, 2)
               for field in ('points0', 'points1')},
            f'{name}.scores': np.array(message.scores, np.float32),
            f'{name}.sizes': np.array(sizes)}
