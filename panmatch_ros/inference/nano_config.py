"""Options of the nano network as a matcher."""
from dataclasses import dataclass
import math
from numbers import Real

from ..core.errors import ConfigError
from .runtime_options import RuntimeOptions, require_boolean, require_whole

LARGEST_IMAGE = 1 << 25  # pixels
SMALLEST_BUDGET = 1 << 12


@dataclass(frozen=True)
class NanoOptions(RuntimeOptions):
    """
    Options of :class:`~panmatch_ros.inference.nano.NanoMatcher`.

    ``weights`` is a folder of ``panmatch export``; the shipped network if empty. What computes
    is described by :class:`.runtime_options.RuntimeOptions`.

    :param detail: match at 1.5 times the size: finer, and takes more than twice the time.
    :param large_motion: match at half the size first, and start from what that finds: for
        motion, and disparities, that are too large otherwise. Takes a quarter more time.
    :param max_pixels: of what the network sees; larger images are matched at a smaller size,
        and the result is brought back to theirs.
    :param min_disparity: stereo: smaller disparities are invalid, pixels.
    :param max_disparity: stereo: larger disparities are invalid, pixels; 0 is no limit.
    :raises ConfigError: if a value cannot work.
    """

    detail: bool = False
    large_motion: bool = False
    max_pixels: int = 1 << 21
    min_disparity: float = 0.0
    max_disparity: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole('max_pixels', self.max_pixels, SMALLEST_BUDGET, LARGEST_IMAGE)
        for name in ('detail', 'large_motion'):
            require_boolean(name, getattr(self, name))
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
