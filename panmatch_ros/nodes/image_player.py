"""Play image files or a video as camera topics with camera_info: a camera for demos and tests."""
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ..core.camera import Camera, StereoRig
from ..core.errors import ConfigError
from ..data.calibration import load_rig
from ..data.image_sequence import files_of, frames_of
from .outputs import ImageBuffer, camera_info_message
from .process import run_node
from .settings import Settings, Spec

SPECS = (
    Spec('images', '', 'single camera: image file, folder, pattern (*.png) or video', live=False),
    Spec('left', '', 'stereo: left image file, folder or pattern', live=False),
    Spec('right', '', 'stereo: right image file, folder or pattern', live=False),
    Spec('calibration', '', 'stereo: Middlebury calib.txt, or "left.yaml right.yaml"; a folder '
         'that holds them', live=False),
    Spec('rate_hz', 10.0, 'images per second (Hz)', 0.01, 1000.0, live=False),
    Spec('scale', 1.0, 'resize the images by this factor', 0.01, 10.0, live=False),
    Spec('loop', True, 'start again after the last image', live=False),
    Spec('frame_id', 'camera_optical_frame', 'frame of the messages', live=False),
)


class ImagePlayer(Node):
    """
    Publishes ``image`` and ``camera_info``, or ``left|right/image_rect`` and ``camera_info``.

    A single camera without calibration gets a nominal one (70 degrees wide).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('image_player', **kwargs)
        self._settings = Settings(self, SPECS).values
        stereo = bool(self._settings.left or self._settings.right)
        if stereo == bool(self._settings.images):
            raise ConfigError('set either images, or left and right')
        sources = ([self._settings.left, self._settings.right] if stereo
                   else [self._settings.images])
        names = (['left/image_rect', 'right/image_rect'] if stereo else ['image'])
        self._frames = [frames_of(source, self._settings.loop) for source in sources]
        self._images = [ImageBuffer('rgb8') for _ in sources]
        self._rig = self._stereo_rig(sources) if stereo else None
        qos = QoSProfile(depth=2)
        self._outputs = [
            (self.create_publisher(Image, name, qos), self.create_publisher(
                CameraInfo, name.replace('image_rect', 'camera_info').replace(
                    'image', 'camera_info'), qos))
            for name in names]
        self.finished = False
        self._timer = self.create_timer(1 / self._settings.rate_hz, self._publish)

    def _stereo_rig(self, sources: list[str]) -> StereoRig:
        counts = [len(files_of(source)) for source in sources]
        if counts[0] != counts[1]:
            raise ConfigError('left and right must have the same number of images, got '
                              f'{counts[0]} and {counts[1]}')
        calibration = self._settings.calibration
        if not calibration:
            raise ConfigError('a stereo pair needs the parameter calibration')
        whole = Path(calibration).expanduser()  # may have a space in its name
        parts = [whole] if whole.exists() else map(Path, calibration.split(' ', 1))
        return load_rig(*(part.expanduser() for part in parts))

    def _publish(self) -> None:
        try:
            frames = [self._scaled(next(source)) for source in self._frames]
        except StopIteration:
            self.get_logger().info('all images are played')
            self.finished = True
            self._timer.cancel()
            return
        header = Header(frame_id=self._settings.frame_id)
        header.stamp = self.get_clock().now().to_msg()
        cameras = self._cameras(frames[0].shape[:2])
        for pixels, camera, image, (images, infos) in zip(
                frames, cameras, self._images, self._outputs, strict=True):
            info = camera_info_message(header, camera)
            info.p[3] = camera.tx
            infos.publish(info)
            images.publish(image.fill(header, pixels))

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        scale = self._settings.scale
        if scale == 1:
            return image
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)

    def _cameras(self, size: tuple[int, int]) -> list[Camera]:
        height, width = size
        if len(self._frames) == 1:
            focal = width / (2 * np.tan(np.radians(35)))
            return [Camera(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)]
        assert self._rig is not None  # a pair has one
        left = self._rig.left
        if abs(width / left.width - height / left.height) > 0.01 * width / left.width:
            raise ConfigError(f'the calibration is for {left.width}x{left.height} pixels, which '
                              f'no resizing brings to {width}x{height}')
        rig = self._rig.resized(height, width)
        return [rig.left, rig.right]


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(ImagePlayer, args)


if __name__ == '__main__':
    raise SystemExit(main())
