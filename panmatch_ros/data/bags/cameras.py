"""Which topics of a bag are cameras, and which two of them make a stereo pair."""
from collections.abc import Sequence
from dataclasses import dataclass
import re
from typing import Any

import numpy as np

from ...core.camera import Camera, StereoRig
from ...core.errors import CalibrationError, FormatError
from ...core.image_message import FORMATS
from .bag import Bag
from .types import decode

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
DEPTH_ENCODINGS = ('16UC1', '32FC1', '64FC1')
# The end of a topic says it, or a part of its own: image_rect_raw, left/color/rect/image.
RECTIFIED = re.compile(r'(?<![a-z])rect(?!angle)[^/]*$|/rect(ified)?/(?!.*raw)')
# What the left camera is called, and what the right one is then.
SIDES = (('left', 'right'), ('infra1', 'infra2'), ('cam0', 'cam1'), ('camera0', 'camera1'))


@dataclass(frozen=True, eq=False)
class CameraTopic:
    """
    A topic of camera images.

    :param image: its name.
    :param info: name of the topic of its camera_info; empty if there is none.
    :param calibration: the first camera_info; None if there is none.
    """

    image: str
    info: str
    calibration: Any

    @property
    def base(self) -> str:
        """Name without the transport."""
        return self.image.removesuffix('/compressed')

    @property
    def is_called_rectified(self) -> bool:
        """Whether the name says that the images are rectified; ``image_rect_raw`` are."""
        return bool(RECTIFIED.search(self.base))

    @property
    def is_called_raw(self) -> bool:
        """Whether the name says that the images are raw."""
        return not self.is_called_rectified and 'raw' in self.base

    @property
    def needs_rectification(self) -> bool:
        """Whether name and calibration say that the images are raw."""
        info = self.calibration
        if self.is_called_rectified or info is None:
            return False
        turned = np.any(info.r) and not np.allclose(np.reshape(info.r, (3, 3)), np.eye(3),
                                                    atol=1e-6)
        return bool(np.any(info.d) or turned)

    @property
    def camera(self) -> Camera | None:
        """The camera by P; None if it is not calibrated."""
        try:
            return Camera.from_camera_info(self.calibration, self.info)
        except (CalibrationError, AttributeError):
            return None


def camera_topics(bag: Bag) -> list[CameraTopic]:
    """
    List the topics that hold camera images, the ones to prefer first.

    Images of depth are left out. Preferred are rectified images, then uncompressed ones.
    """
    names = [topic.name for topic in bag.topics.values()
             if topic.message_type in (*IMAGE_TYPES, INFO_TYPE)]
    first = {}
    for name, record in bag.first(names).items():
        try:
            first[name] = decode(record.data, record.message_type, name)
        except FormatError:
            continue  # it is said when the topic is read
    found = []
    for name in names:
        if bag.topics[name].message_type in IMAGE_TYPES and _is_camera(first.get(name)):
            info = info_of(name)
            found.append(CameraTopic(name, info if info in bag.topics else '', first.get(info)))
    return sorted(found, key=lambda each: (not each.is_called_rectified, each.base != each.image,
                                           'color' in each.base, each.image))


def info_of(image: str) -> str:
    """Name the topic where the camera_info of an image topic usually is."""
    return f'{image.removesuffix("/compressed").rpartition("/")[0]}/camera_info'


def find_pair(cameras: Sequence[CameraTopic]) -> tuple[CameraTopic, CameraTopic, str] | None:
    """
    Find a stereo pair: by names, or by projection matrices that have a baseline.

    :param cameras: those to choose from, the ones to prefer first.
    :returns: left, right, and why; None if there is none.
    """
    for left in cameras:
        for right in cameras:
            if right.image in other_side(left.image):
                return left, right, 'by their names'
    for left in cameras:
        for right in cameras:
            if right.base.rpartition('/')[2] == left.base.rpartition('/')[2] and _is_left_of(
                    left.camera, right.camera):
                return left, right, 'by the baseline in P of their camera_info'
    return None


def other_side(image: str) -> list[str]:
    """Names that the right image topic may have, from that of the left one."""
    return [re.sub(rf'(?<![a-z]){left}(?![a-z0-9])', right, image) for left, right in SIDES
            if re.search(rf'(?<![a-z]){left}(?![a-z0-9])', image)]


def _is_camera(message: Any) -> bool:
    if message is None:
        return False
    if hasattr(message, 'encoding'):
        return message.encoding in FORMATS and message.encoding not in DEPTH_ENCODINGS
    return 'compressedDepth' not in message.format


def _is_left_of(left: Camera | None, right: Camera | None) -> bool:
    if left is None or right is None or right.tx >= left.tx:
        return False
    try:
        StereoRig(left, right)
    except CalibrationError:
        return False
    return True
