"""
Arrays from messages that hold depth, disparity, flow and points.

Any object with the fields of the ROS message will do, so that nodes and readers of bags share it.
"""
from typing import Any

import numpy as np

from ..core.errors import FormatError
from ..core.image_message import view_image

FLOATS: dict[str, tuple[np.dtype, int]] = {
    '32FC1': (np.dtype('<f4'), 1), '32FC2': (np.dtype('<f4'), 2), '64FC1': (np.dtype('<f8'), 1),
    '16UC1': (np.dtype('<u2'), 1), 'mono16': (np.dtype('<u2'), 1)}
MILLIMETRES = ('16UC1', 'mono16')  # encodings of depth that count so, 0 is invalid
# Numbers of sensor_msgs/PointField.
POINT_TYPES: dict[int, np.dtype] = {7: np.dtype('<f4'), 8: np.dtype('<f8')}
AXES = ('x', 'y', 'z')


def depth_of(message: Any, topic: str) -> np.ndarray:
    """
    Read a depth image.

    :param message: a ``sensor_msgs/Image``: 32FC1 or 64FC1 in metres, 16UC1 in millimetres.
    :param topic: how errors call it.
    :returns: (H, W) float32, metres; NaN where it is unknown: not finite or not positive.
    :raises FormatError: if it is no such image.
    """
    depth = _values(message, topic, ('32FC1', '64FC1', *MILLIMETRES)).astype(np.float32)
    if message.encoding in MILLIMETRES:
        depth *= np.float32(1e-3)
    depth[~((depth > 0) & (depth < np.inf))] = np.nan
    return depth


def disparity_of(message: Any, topic: str, cx_offset_px: float = 0.0) -> np.ndarray:
    """
    Read a disparity map.

    :param message: a ``stereo_msgs/DisparityImage``, or a ``sensor_msgs/Image`` 32FC1 whose
        zeros are unknown.
    :param topic: how errors call it.
    :param cx_offset_px: ``cx_left - cx_right`` of the rig, which a DisparityImage leaves out.
    :returns: (H, W) float32, ``x_left - x_right``, pixels; NaN where it is unknown.
    :raises FormatError: if it is neither.
    """
    if hasattr(message, 'min_disparity'):
        parallax = _values(message.image, topic, ('32FC1',))
        lowest = min(float(message.min_disparity), 0.0)
        # Stereo matchers write something below the smallest disparity where they found none.
        unknown = ~((parallax >= lowest) & (parallax < np.inf))
        disparity = parallax + np.float32(cx_offset_px)
    else:
        disparity = _values(message, topic, ('32FC1',)).astype(np.float32)
        unknown = ~((disparity > 0) & (disparity < np.inf))
    disparity[unknown] = np.nan
    return disparity


def flow_of(message: Any, topic: str) -> np.ndarray:
    """
    Read a flow field.

    :param message: a ``panmatch_ros/OpticalFlow``, or a ``sensor_msgs/Image`` 32FC2.
    :param topic: how errors call it.
    :returns: (H, W, 2) float32, pixels; NaN where it is unknown.
    :raises FormatError: if it is neither.
    """
    image = message.flow if hasattr(message, 'source_stamp') else message
    flow = _values(image, topic, ('32FC2',)).copy()
    flow[~np.isfinite(flow).all(axis=2)] = np.nan
    return flow


def points_of(message: Any, topic: str) -> np.ndarray:
    """
    Read the points of a cloud.

    :param message: a ``sensor_msgs/PointCloud2`` with x, y and z as floating point.
    :param topic: how errors call it.
    :returns: (N, 3) float64, metres in the frame of the message; only finite points.
    :raises FormatError: if the fields are missing or the data are too short.
    """
    fields = {field.name: field for field in message.fields}
    bad = [name for name in AXES
           if name not in fields or fields[name].datatype not in POINT_TYPES]
    if bad or message.is_bigendian:
        raise FormatError(f'{topic}: a cloud needs x, y and z as little-endian FLOAT32 or '
                          f'FLOAT64; found the fields {", ".join(fields) or "none"}')
    height, width, step = message.height, message.width, message.point_step
    row_step = message.row_step or step * width
    data = np.frombuffer(message.data, np.uint8)
    ends = [fields[name].offset + POINT_TYPES[fields[name].datatype].itemsize for name in AXES]
    if height * width == 0:
        return np.empty((0, 3))
    if (step < max(ends) or row_step < step * width
            or data.size < row_step * (height - 1) + step * width):
        raise FormatError(f'{topic}: the data have {data.size} bytes, too few for {height} rows '
                          f'of {width} points of {step} bytes')
    columns: list[np.ndarray] = [np.ndarray((height, width), POINT_TYPES[fields[name].datatype],
                                            data, fields[name].offset,
                                            (row_step, step)).ravel() for name in AXES]
    points = np.stack(columns, axis=-1).astype(np.float64)
    return points[np.isfinite(points).all(axis=1)]


def _values(image: Any, topic: str, encodings: tuple[str, ...]) -> np.ndarray:
    """View the pixels of an image whose encoding is one of those."""
    if image.encoding not in encodings:
        raise FormatError(f'{topic}: expected an image {" or ".join(encodings)}, got '
                          f'{image.encoding!r}')
    dtype, channels = FLOATS[image.encoding]
    row = image.width * channels * dtype.itemsize
    if image.is_bigendian or image.step < row or len(image.data) < image.step * image.height:
        raise FormatError(f'{topic}: {image.height} rows of {image.step} bytes do not hold '
                          f'{image.width}x{image.height} pixels {image.encoding}, little-endian, '
                          f'in {len(image.data)} bytes')
    return view_image(image, dtype, channels)
