"""
What a result becomes on the wire.

Every message object lives as long as its size does not change: results are written straight
into its data (an ``array.array``) through a numpy view, so that publishing copies the pixels
once, in the serialisation. Publishing is synchronous, so the object can be filled again after
it returned.
"""

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header
from stereo_msgs.msg import DisparityImage

from ..core.camera import Camera, StereoRig

ENCODING_LAYOUT: dict[str, tuple[type, int]] = {
    '32FC1': (np.float32, 1),
    '32FC2': (np.float32, 2),
    '16UC1': (np.uint16, 1),
    'mono8': (np.uint8, 1),
    'mono16': (np.uint16, 1),
    'rgb8': (np.uint8, 3),
    'rgb16': (np.uint16, 3),
}


class ImageBuffer:
    """
    An Image message whose pixels are a numpy array.

    :param encoding: a key of ``ENCODING_LAYOUT``.
    :param message: the message to fill; a new one if not given.
    """

    def __init__(self, encoding: str, message: Image | None = None) -> None:
        self.message = message if message is not None else Image()
        self.message.encoding = encoding
        self._dtype, self._channels = ENCODING_LAYOUT[encoding]
        self._pixels: np.ndarray = np.empty((0, 0), self._dtype)

    def pixels(self, height: int, width: int) -> np.ndarray:
        """
        Give the array to write into; its content is that of the last frame.

        :returns: (height, width) or (height, width, channels) of the type of the encoding.
        """
        if self._pixels.shape[:2] != (height, width):
            message = self.message
            message.height, message.width = height, width
            message.step = width * self._channels * np.dtype(self._dtype).itemsize
            shape = (height, width) if self._channels == 1 else (height, width, self._channels)
            self._pixels = allocate(message, height * message.step).view(
                self._dtype).reshape(shape)
        return self._pixels

    def fill(self, header: Header, values: np.ndarray) -> Image:
        """Copy values in and return the message."""
        self.pixels(*values.shape[:2])[...] = values
        self.message.header = header
        return self.message


class DisparityBuffer:
    """A DisparityImage whose pixels are a numpy array."""

    def __init__(self) -> None:
        self.message = DisparityImage()
        self._image = ImageBuffer('32FC1', self.message.image)

    def pixels(self, height: int, width: int) -> np.ndarray:
        """
        Give the array to write into.

        :returns: (height, width) float32: ``x_left - x_right - (cx_left - cx_right)``, so that
            ``Z = f * t / d`` needs nothing else; NaN is invalid.
        """
        return self._image.pixels(height, width)

    def describe(self, header: Header, rig: StereoRig, search_range: tuple[float, float],
                 delta_d: float) -> DisparityImage:
        """
        Fill in all but the pixels.

        :param search_range: smallest and largest ``x_left - x_right`` that was searched.
        :param delta_d: smallest difference that the matcher can tell, pixels.
        """
        offset = rig.cx_offset_px
        message = self.message
        message.header = message.image.header = header
        message.f, message.t = rig.focal_px, rig.baseline_m
        message.min_disparity = search_range[0] - offset
        message.max_disparity = search_range[1] - offset
        message.delta_d = delta_d
        window = message.valid_window
        window.x_offset = window.y_offset = 0
        window.width, window.height = message.image.width, message.image.height
        return message

    def mark_invalid(self, invalid_value: str) -> None:
        """
        Write into invalid pixels what those who read the message expect there.

        :param invalid_value: 'nan' leaves them; 'below_minimum' is 1 less than the
            ``min_disparity`` that the message was described with; 'zero' is 0.
        """
        if invalid_value == 'nan':
            return
        message = self.message
        value = message.min_disparity - 1 if invalid_value == 'below_minimum' else 0
        pixels = self.pixels(message.image.height, message.image.width)
        np.copyto(pixels, np.float32(value), where=np.isnan(pixels))


def to_millimetres(depth: np.ndarray) -> np.ndarray:
    """
    Write a depth map as REP 118 has it for 16UC1.

    :param depth: (H, W) float32, metres; NaN is invalid.
    :returns: (H, W) uint16, millimetres; 0 where invalid or beyond 65.535 m.
    """
    millimetres = np.rint(depth * np.float32(1000))
    millimetres[~(millimetres <= 65535)] = 0  # also NaN
    return millimetres.astype(np.uint16)


class CloudBuffer:
    """
    An organised PointCloud2.

    :param colored: whether points carry the field ``rgb``.
    :param padded: 32 bytes (16 without colour) a point as PCL lays them out, or 16 (12).
    """

    def __init__(self, colored: bool, padded: bool) -> None:
        self.colored, self.padded = colored, padded
        floats = {(True, True): 8, (True, False): 4, (False, True): 4, (False, False): 3}
        self._floats = floats[colored, padded]
        self._color_index = 4 if padded else 3
        self.message = PointCloud2(is_dense=False, is_bigendian=False)
        names = ['x', 'y', 'z', *(['rgb'] if colored else [])]
        offsets = [0, 4, 8, 4 * self._color_index]
        self.message.fields = [
            PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
            for name, offset in zip(names, offsets, strict=False)]
        self._points = np.empty((0, 0, self._floats), np.float32)

    def resize(self, height: int, width: int) -> None:
        """Make room for a cloud of a size."""
        if self._points.shape[:2] != (height, width):
            message = self.message
            message.height, message.width = height, width
            message.point_step = 4 * self._floats
            message.row_step = message.point_step * width
            self._points = allocate(message, height * message.row_step).view(
                np.float32).reshape(height, width, self._floats)
            self._points[...] = 0

    def write(self, rows: slice, depth: np.ndarray, rays: tuple[np.ndarray, np.ndarray],
              image: np.ndarray) -> None:
        """
        Write the points of some rows.

        :param rows: which.
        :param depth: (H, W) float32, metres; NaN is invalid and makes x, y and z NaN.
        :param rays: slopes from ``core.disparity.camera_rays``.
        :param image: (H, W) grey or (H, W, 3) RGB, uint8 or uint16: colours of the points.
        """
        channels = [depth[rows] * rays[0], depth[rows] * rays[1][rows], depth[rows]]
        if self.colored:
            channels.append(packed_colors(image[rows]))
        points = self._points[rows]
        if self._floats == len(channels):
            cv2.merge(channels, dst=points)  # twice as fast as strided writes
        else:
            for index, channel in zip((0, 1, 2, self._color_index), channels, strict=False):
                points[..., index] = channel


def packed_colors(image: np.ndarray) -> np.ndarray:
    """
    Pack colours as PointCloud2 has them: the bytes blue, green, red, zero of a float.

    :returns: (H, W) float32.
    """
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    code = cv2.COLOR_GRAY2BGRA if image.ndim == 2 else cv2.COLOR_RGB2BGRA
    words = cv2.cvtColor(image, code).view('<u4')[..., 0]  # blue is the lowest byte
    return np.bitwise_and(words, 0x00FFFFFF).view('<f4')


def camera_info_message(header: Header, camera: Camera) -> CameraInfo:
    """Describe an image without distortion; its points are in the frame of the camera."""
    K = camera.K
    info = CameraInfo(header=header, width=camera.width, height=camera.height)
    info.distortion_model = 'plumb_bob'
    info.d = [0.0] * 5
    info.k = K.ravel().tolist()
    info.r = np.eye(3).ravel().tolist()
    info.p = np.hstack([K, np.zeros((3, 1))]).ravel().tolist()
    return info


def allocate(message: Image | PointCloud2, size: int) -> np.ndarray:
    """Give a message fresh data of some bytes and return a writable view of them."""
    fresh = type(message)().data
    fresh.frombytes(bytes(size))
    message.data = fresh
    # The setter may have copied; what counts is the array that the message holds now.
    return np.frombuffer(message.data, np.uint8)
