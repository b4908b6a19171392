"""Image 0 of a match that is no topic of its own: a keyframe of the camera, or a file."""
from collections.abc import Callable
from dataclasses import dataclass, replace
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from std_msgs.msg import Header

from ..core.camera import Camera, CameraInfoFields
from ..core.errors import CalibrationError, PanMatchError
from ..core.image import has_contrast
from ..core.image_message import stamp_ns
from ..data.camera_info import read_camera_info_yaml
from ..data.images import read_image
from ..inference.matcher_cache import file_stamp

if TYPE_CHECKING:
    from .base_node import MatcherNode


@dataclass(frozen=True)
class View:
    """
    An image and what is known of its camera.

    :param name: how texts call it: a topic or a file.
    :param pixels: (H, W) grey or (H, W, 3) RGB; of a file also RGBA.
    :param header: of its message; that of a file has no stamp.
    :param info: its calibration; None if there is none.
    :param info_name: how texts call that.
    :param info_problem: why there is none, if that is known.
    """

    name: str
    pixels: np.ndarray
    header: Header
    info: CameraInfoFields | None
    info_name: str
    info_problem: str = ''

    def calibrated(self, info: CameraInfoFields | None) -> 'View':
        """Take a calibration that came after the image, if there is none yet."""
        return self if self.info or self.info_problem else replace(self, info=info)

    def camera(self) -> Camera:
        """
        Read the camera at the size of the image.

        :raises CalibrationError: if there is none, or it is invalid or of another size.
        """
        if self.info is None:
            raise CalibrationError(self.info_problem or (
                f'no camera_info on {self.info_name}; a pose needs the calibration of both '
                'images'))
        camera = Camera.from_camera_info(self.info, self.info_name)
        camera.require_size(self.pixels.shape, self.info_name, self.name)
        return camera


class Keyframe:
    """
    An image of the camera itself: the first one, until another takes its place.

    An image without contrast is never taken.

    :param node: whose log and parameters are used.
    """

    def __init__(self, node: 'MatcherNode') -> None:
        self._node = node
        self.sequence = 0  # the executor increases it: images of a new one get a new keyframe
        self._view: View | None = None  # only the worker thread changes it
        self._view_sequence = -1
        self._taken = 0

    def renew(self) -> str:
        """Take the next image as the keyframe; nothing hinders that."""
        self.sequence += 1
        return ''

    def view_for(self, second: View, sequence: int) -> View | None:
        """
        Give the keyframe for an image.

        :param sequence: ``self.sequence`` when the image arrived.
        :returns: None if the image became the keyframe itself, or there is none yet.
        """
        view = self._view
        if view is None or sequence != self._view_sequence:
            self._take(second, sequence)
            return None
        self._view = view = view.calibrated(second.info)  # the first one may come late
        return view

    def refuse(self) -> None:
        """Let go of a keyframe that the matcher refuses: no later image could be matched."""
        self._view = None

    def size_for(self, second: np.ndarray) -> tuple[int, int]:
        """Give the (height, width) of the image that another is matched to."""
        return second.shape[0], second.shape[1]

    def note_share(self, second: View, share: float) -> None:
        """Take an image as the keyframe if too little of the last one was found in it."""
        if share < self._node.settings.keyframe_min_share:
            self._node.log.info(
                f'{100 * share:.0f} % of the keyframe were found with confidence; taking a new '
                'one', key='new keyframe')
            self._take(second, self._view_sequence)

    def describe(self) -> str:
        """Say which image it is."""
        if self._view is None:
            return 'no keyframe yet'
        return f'keyframe {self._taken}, of {stamp_ns(self._view) / 1e9:.3f} s'

    def _take(self, second: View, sequence: int) -> None:
        if not has_contrast(second.pixels):
            self._node.log.warning(f'{second.name}: an image without contrast is no keyframe; '
                                   'is the lens covered?')
            return
        self._view, self._view_sequence = second, sequence
        self._taken += 1


class ReferenceFile:
    """
    The file of the parameter ``reference_image``.

    :param node: whose log and parameters are used.
    """

    sequence = 0

    def __init__(self, node: 'MatcherNode') -> None:
        self._node = node
        self._image = WatchedFile(read_image)
        self._calibration = WatchedFile(read_camera_info_yaml)
        try:
            self._pixels()
        except PanMatchError as error:  # said now, not when the first image comes
            node.log.error(str(error))

    def renew(self) -> str:
        """Say why the next image is not taken."""
        return ('reference is a file; set the parameter reference_image, or replace the file: it '
                'is read again when it changes')

    def view_for(self, second: View, sequence: int) -> View | None:
        """
        Give the image of the file.

        :raises ImageError: if it cannot be read.
        """
        settings = self._node.settings
        view = replace(second, name=settings.reference_image, pixels=self._pixels(),
                       header=Header())
        path = settings.reference_camera_info
        if not path:
            return view
        try:
            return replace(view, info=self._calibration.get(path), info_name=path)
        except PanMatchError as error:
            return replace(view, info=None, info_problem=str(error))

    def refuse(self) -> None:
        """Do nothing: a file stays."""

    def size_for(self, second: np.ndarray) -> tuple[int, int]:
        """Give the (height, width) of the file."""
        height, width = self._pixels().shape[:2]
        return height, width

    def note_share(self, second: View, share: float) -> None:
        """Do nothing: a file stays."""

    def describe(self) -> str:
        """Say which file it is."""
        return self._node.settings.reference_image

    def _pixels(self) -> np.ndarray:
        return self._image.get(self._node.settings.reference_image)


class WatchedFile:
    """
    What a file holds, read once and again when the file changes.

    :param read: gives the content of a path.
    """

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read
        self._key: Any = None
        self._content: Any = None
        self._error: PanMatchError | None = None

    def get(self, path: str) -> Any:
        """
        Give the content.

        :raises PanMatchError: that reading raised; it is not tried again before the file changes.
        """
        path = os.path.expanduser(path)
        key = (path, file_stamp(path))
        if key != self._key:
            self._key, self._content, self._error = key, None, None
            try:
                self._content = self._read(path)
            except PanMatchError as error:
                self._error = error
        if self._error is not None:
            raise type(self._error)(str(self._error))
        return self._content
