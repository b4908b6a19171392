"""Options of the nano network as a matcher."""
from dataclasses import dataclass
import math
from numbers import Integral, Real

from ..core.errors import ConfigError

BACKENDS = ('onnxruntime', 'openvino')
LARGEST_IMAGE = 1 << 25  # pixels
_WHOLE = {'threads': (0, 256), 'max_pixels': (1 << 12, LARGEST_IMAGE)}


@dataclass(frozen=True)
class NanoOptions:
    """
    Options of :class:`~panmatch_ros.inference.nano.NanoMatcher`.

    :param weights: folder of ``panmatch export``; the shipped network if empty.
    :param backend: 'onnxruntime', or 'openvino' if that is installed.
    :param threads: that compute; 0 takes one for each core that may be used, at most four.
    :param detail: match at 1.5 times the size: finer, and takes more than twice the time.
    :param large_motion: match at half the size first, and start from what that finds: for
        motion, and disparities, that are too large otherwise. Takes a quarter more time.
    :param max_pixels: of what the network sees; larger images are matched at a smaller size,
        and the result is brought back to theirs.
    :param min_disparity: stereo: smaller disparities are invalid, pixels.
    :param max_disparity: stereo: larger disparities are invalid, pixels; 0 is no limit.
    :raises ConfigError: if a value cannot work.
    """

    weights: str = ''
    backend: str = 'onnxruntime'
    threads: int = 0
    detail: bool = False
    large_motion: bool = False
    max_pixels: int = 1 << 21
    min_disparity: float = 0.0
    max_disparity: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.weights, str):
            raise ConfigError(f'weights must be the name of a folder, got {self.weights!r}')
        if self.backend not in BACKENDS:
            raise ConfigError(f'backend must be one of {", ".join(BACKENDS)}, got '
                              f'{self.backend!r}')
        for name, (low, high) in _WHOLE.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) \
                    or not low <= int(value) <= high:
                raise ConfigError(f'{name} must be a whole number from {low} to {high}, got '
                                  f'{value!r}')
        for name in ('detail', 'large_motion'):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f'{name} must be True or False, got {getattr(self, name)!r}')
        for name in ('min_disparity', 'max_disparity'):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) \
                    or not math.isfinite(value):
                raise ConfigError(f'{name} must be a finite number, got {value!r}')
        if self.max_disparity != 0 and self.max_disparity <= self.min_disparity:
            raise ConfigError('max_disparity must be larger than min_disparity, or 0 for no '
                              f'limit, got {self.max_disparity:g} and {self.min_disparity:g}')

    def disparity_range(self) -> tuple[float, float]:
        """Smallest and largest valid disparity, pixels; the latter may be infinite."""
        return float(self.min_disparity), float(self.max_disparity) or math.inf
