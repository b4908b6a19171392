"""Write bags of ROS 2, and the messages that stand in them."""
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.camera import Camera, StereoRig
from ...core.errors import ConfigError
from .types import OPTICAL_FLOW, make, require_rosbags, typestore

IMAGE, CAMERA_INFO = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'
DISPARITY_IMAGE = 'stereo_msgs/msg/DisparityImage'
STORAGES = ('mcap', 'sqlite3')
VERSION: Final = 9  # of the bag format: Jazzy and later; Humble reads it too
ENCODINGS = {('float32', 1): '32FC1', ('float32', 2): '32FC2', ('uint8', 1): 'mono8',
             ('uint8', 3): 'rgb8', ('uint16', 1): 'mono16', ('uint16', 3): 'rgb16'}
NS_PER_S = 1_000_000_000


class BagWriter:
    """
    A new bag; closed, or left with ``with``, it is complete.

    :param path: folder of the bag; must not exist.
    :param storage: one of ``STORAGES``.
    :raises MissingDependencyError: if rosbags is not installed.
    :raises ConfigError: if there is something of this name already.
    """

    def __init__(self, path: str | Path, storage: str = STORAGES[0]) -> None:
        require_rosbags()
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.rosbag2.errors import WriterError
        try:
            self._writer = Writer(Path(path), version=VERSION,
                                  storage_plugin=StoragePlugin[storage.upper()])
            self._writer.open()
        except WriterError as error:
            raise ConfigError(f'the bag cannot be written: {error}') from None
        self._connections: dict[str, Any] = {}

    def __enter__(self) -> 'BagWriter':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, topic: str, message: Any, log_ns: int) -> None:
        """
        Add a message.

        :param topic: its name.
        :param message: of :func:`~.types.make`.
        :param log_ns: when it counts as recorded, nanoseconds.
        """
        message_type = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, message_type, typestore=typestore())
        self._writer.write(self._connections[topic], log_ns,
                           typestore().serialize_cdr(message, message_type))

    def close(self) -> None:
        """Write what readers need to find the messages."""
        self._writer.close()


def header(stamp_ns: int, frame_id: str) -> Any:
    """Make a header."""
    return make('std_msgs/msg/Header', stamp=time_of(stamp_ns), frame_id=frame_id)


def time_of(stamp_ns: int) -> Any:
    """Make a time."""
    return make('builtin_interfaces/msg/Time', sec=stamp_ns // NS_PER_S,
                nanosec=stamp_ns % NS_PER_S)


def image_message(message_header: Any, pixels: np.ndarray, encoding: str = '') -> Any:
    """
    Make an image.

    :param message_header: of :func:`header`.
    :param pixels: (H, W) or (H, W, C).
    :param encoding: by default what the type and the channels tell, colours as RGB.
    """
    height, width, *channels = pixels.shape
    row = np.ascontiguousarray(pixels)
    return make(IMAGE, header=message_header, height=height, width=width,
                encoding=encoding or ENCODINGS[row.dtype.name, channels[0] if channels else 1],
                is_bigendian=0, step=row.nbytes // height, data=row.reshape(-1).view(np.uint8))


def camera_info_message(message_header: Any, camera: Camera) -> Any:
    """Make the camera_info of an image without distortion; its ``tx`` is kept."""
    return make(CAMERA_INFO, header=message_header, height=camera.height, width=camera.width,
                distortion_model='plumb_bob', d=np.zeros(5), k=camera.K.ravel(),
                r=np.eye(3).ravel(), p=camera.P.ravel(), binning_x=0, binning_y=0,
                roi=region(0, 0, False))


def region(height: int, width: int, do_rectify: bool = False) -> Any:
    """Make a region of interest from the upper left corner on."""
    return make('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=height,
                width=width, do_rectify=do_rectify)


def disparity_message(message_header: Any, parallax: np.ndarray, rig: StereoRig,
                      search_range: tuple[float, float], delta_d: float) -> Any:
    """
    Make a DisparityImage, as stereo_node does.

    :param message_header: of :func:`header`.
    :param parallax: (H, W) float32, ``x_left - x_right - (cx_left - cx_right)``; NaN is invalid.
    :param rig: of the pair.
    :param search_range: smallest and largest ``x_left - x_right`` that was searched, pixels.
    :param delta_d: smallest difference that the matcher can tell, pixels.
    """
    offset = rig.cx_offset_px
    return make(DISPARITY_IMAGE, header=message_header,
                image=image_message(message_header, parallax), f=rig.focal_px, t=rig.baseline_m,
                valid_window=region(*parallax.shape), min_disparity=search_range[0] - offset,
                max_disparity=search_range[1] - offset, delta_d=delta_d)


def flow_message(message_header: Any, source_ns: int, dt_s: float, flow: np.ndarray,
                 confidence: np.ndarray) -> Any:
    """
    Make an OpticalFlow, as flow_node does.

    :param message_header: of the newer image.
    :param source_ns: stamp of the older image.
    :param dt_s: time between them, seconds.
    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :param confidence: (H, W) float32.
    """
    return make(OPTICAL_FLOW, header=message_header, source_stamp=time_of(source_ns), dt=dt_s,
                flow=image_message(message_header, flow),
                confidence=image_message(message_header, confidence))
