"""From an image to what the PanMatch network takes, and from its results back to the image."""
from functools import lru_cache

import numpy as np

from ..core.errors import ShapeError
from ..core.image import check_image

# Of ImageNet, which all backbones were trained with; RGB.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
SIZE_MULTIPLE = 112


class StretchTransform:
    """
    Stretch an image to multiples of 112 pixels, and everything measured on it back.

    Heights and widths are rounded up and the aspect changes a little; nothing is padded. The
    centres of the corner pixels stay the centres of the corner pixels (``align_corners``), so
    ``x -> x * (W - 1) / (W0 - 1)``: displacements and intrinsics scale by that factor.

    The reference code stretches the same way, but scales displacements and intrinsics by
    ``W / W0``, and multiplies red by ``W / W0`` and green by ``H / H0`` unless the image is a
    tile. With ``reference_quirks`` all of that is done too, to reproduce its numbers. The two
    agree where the size is a multiple of 112 already.

    :param size: (height, width) of the images, pixels.
    :param multiple: heights and widths become multiples of it.
    :param reference_quirks: do as the reference code does.
    :param is_tile: the images are tiles of larger ones; matters only for the quirks.
    """

    def __init__(self, size: tuple[int, int], multiple: int = SIZE_MULTIPLE,
                 reference_quirks: bool = False, is_tile: bool = False) -> None:
        self.size = (int(size[0]), int(size[1]))
        if min(self.size) < 1:
            raise ShapeError(f'a size must be at least 1 x 1 pixels, got {size}')
        height, width = (-(-length // multiple) * multiple for length in self.size)
        self.stretched = (height, width)
        rule = _ratio if reference_quirks else _corner_ratio
        # Of x and y, as flow has them.
        self.scale = (rule(self.size[1], width), rule(self.size[0], height))
        self._gains = self.scale if reference_quirks and not is_tile else (1.0, 1.0)

    def forward(self, image: np.ndarray) -> np.ndarray:
        """
        Bring an image to the form that the network takes.

        :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
        :returns: (3, H, W) float32, RGB, normalised as ImageNet, of the stretched size.
        :raises ShapeError: if it is no image or has another size.
        """
        check_image(image)
        self._require(image.shape[:2], self.size, 'the image')
        normalised = (unit_rgb(image) - MEAN) / STD
        stretched = resize_corners(normalised, self.stretched)
        tensor = np.ascontiguousarray(stretched.transpose(2, 0, 1))
        for channel, gain in enumerate(self._gains):
            if gain != 1:
                tensor[channel] *= np.float32(gain)
        return tensor

    def forward_flow(self, flow: np.ndarray) -> np.ndarray:
        """
        Bring a displacement field of the image into the stretched frame.

        :param flow: (H0, W0, 2) float32, pixels.
        :returns: (H, W, 2) float32, pixels of the stretched frame.
        """
        self._require(flow.shape, (*self.size, 2), 'the flow')
        return resize_corners(flow, self.stretched) * np.array(self.scale, np.float32)

    def forward_map(self, values: np.ndarray) -> np.ndarray:
        """
        Bring values that are no displacements into the stretched frame.

        :param values: (H0, W0) or (H0, W0, C) float32.
        :returns: (H, W) or (H, W, C) float32.
        """
        self._require(values.shape[:2], self.size, 'the map')
        return resize_corners(values, self.stretched)

    def inverse_flow(self, flow: np.ndarray) -> np.ndarray:
        """
        Bring a displacement field of the stretched frame back to the image.

        :param flow: (H, W, 2) float32, pixels of the stretched frame.
        :returns: (H0, W0, 2) float32, pixels of the image.
        """
        self._require(flow.shape, (*self.stretched, 2), 'the flow')
        factors = np.array([1 / scale for scale in self.scale], np.float32)
        return resize_corners(flow, self.size) * factors

    def inverse_map(self, values: np.ndarray) -> np.ndarray:
        """
        Bring values that are no displacements, a confidence for example, back to the image.

        :param values: (H, W) or (H, W, C) float32.
        :returns: (H0, W0) or (H0, W0, C) float32.
        """
        self._require(values.shape[:2], self.stretched, 'the map')
        return resize_corners(values, self.size)

    def scale_intrinsics(self, K: np.ndarray) -> np.ndarray:
        """
        Intrinsics (or a projection matrix) of the stretched image.

        :param K: (3, 3) or (3, 4); the centre of the top-left pixel is (0, 0).
        :returns: same shape, float64.
        """
        scaled = np.array(K, np.float64)
        scaled[0] *= self.scale[0]
        scaled[1] *= self.scale[1]
        return scaled

    @staticmethod
    def _require(shape: tuple[int, ...], wanted: tuple[int, ...], what: str) -> None:
        if tuple(shape) != wanted:
            raise ShapeError(f'{what} must have the shape {wanted}, got {tuple(shape)}')


def unit_rgb(image: np.ndarray) -> np.ndarray:
    """
    Convert any accepted image to RGB from 0 to 1; unlike ``to_rgb``, 16 bits stay 16 bits.

    :param image: as :func:`~panmatch_ros.core.image.check_image` accepts; alpha is ignored.
    :returns: (H, W, 3) float32; NaN becomes 0.
    """
    if image.ndim == 2:
        image = image[..., None]
    image = image[..., :3]
    if image.dtype.kind == 'f':
        values = np.clip(np.nan_to_num(image.astype(np.float32), nan=0.0), 0.0, 1.0)
    else:
        values = image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
    if values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)
    return values


def resize_corners(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    Resize bilinearly, corner pixel centres onto corner pixel centres.

    As ``torch.nn.functional.interpolate(mode='bilinear', align_corners=True)``, its rounding
    of the weights included; there is no filter against aliasing.

    :param values: (H, W) or (H, W, C) float32.
    :param size: (height, width) of the result.
    :returns: (height, width) or (height, width, C) float32; ``values`` itself if the size stays.
    """
    for axis in (1, 0):  # along x first: torch adds in this order
        if values.shape[axis] != size[axis]:
            values = _resize_axis(values, axis, size[axis])
    return values


def _resize_axis(values: np.ndarray, axis: int, length: int) -> np.ndarray:
    below, above, weight = _taps(values.shape[axis], length)
    weight = weight.reshape(-1, *[1] * (values.ndim - axis - 1))
    resized = values.take(below, axis)
    resized *= np.float32(1) - weight
    upper = values.take(above, axis)
    upper *= weight
    resized += upper
    return resized


@lru_cache(maxsize=16)
def _taps(length: int, new_length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give, of each new pixel, its two neighbours and the weight of the second; as torch does."""
    step = (np.float32(length - 1) / np.float32(new_length - 1) if new_length > 1
            else np.float32(0))
    position = np.arange(new_length, dtype=np.float32) * step
    below = np.minimum(position.astype(np.intp), length - 1)
    above = np.minimum(below + 1, length - 1)
    weight = np.clip(position - below.astype(np.float32), 0, 1).astype(np.float32)
    return below, above, weight


def _ratio(length: int, stretched: int) -> float:
    return stretched / length


def _corner_ratio(length: int, stretched: int) -> float:
    """How far apart pixels are after the stretch; one pixel alone has no neighbour."""
    return (stretched - 1) / (length - 1) if length > 1 else stretched / length
