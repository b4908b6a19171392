"""The camera of a rectified image from its camera_info, and what speaks against it."""
from typing import Any

from ..core.camera import Camera
from .diagnostics import ThrottledLog
from .inputs import InputTopic


class CameraReader:
    """
    Reads the camera of the images of a topic.

    :param image: topic of the images, as the node subscribes to it.
    :param camera_info: topic of their camera_info.
    :param log: of the node.
    """

    def __init__(self, image: InputTopic, camera_info: InputTopic, log: ThrottledLog) -> None:
        self._image, self._camera_info, self._log = image, camera_info, log

    def read(self, info: Any, size: tuple[int, ...]) -> Camera:
        """
        Read P, for an image that is taken to be rectified.

        :param info: a ``sensor_msgs/CameraInfo``.
        :param size: shape of the image.
        :raises CalibrationError: if it describes no rectified camera, or another size.
        """
        camera = Camera.from_camera_info(info, self._camera_info.resolved)
        camera.require_size(size, self._camera_info.resolved, self._image.resolved)
        if any(info.d) and not self._is_called('rect'):
            self._tell_of_distortion()
        return camera

    def _tell_of_distortion(self) -> None:
        # The same camera_info serves raw and rectified images, so only the name can tell.
        text = f'{self._camera_info.resolved} describes a lens with distortion'
        if self._is_called('raw'):
            self._log.warning(f'{text}, and by its name {self._image.resolved} is not rectified, '
                              'so depth will be wrong: rectify the images first (image_proc does)',
                              key='distortion')
        else:
            self._log.info(f'{text}; {self._image.resolved} is taken to be rectified',
                           key='distortion')

    def _is_called(self, part: str) -> bool:
        return part in self._image.resolved.removesuffix('/compressed').rpartition('/')[2]
