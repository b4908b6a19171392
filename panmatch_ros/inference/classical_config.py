"""Options of the OpenCV matcher."""
from dataclasses import dataclass
import math
from numbers import Integral, Real

from ..core.errors import ConfigError

FLOW_PRESETS = ('ultrafast', 'fast', 'medium')  # in the order of OpenCV's numbers
SGBM_MODES = ('SGBM', 'HH', '3WAY', 'HH4')      # likewise

AUTO_RANGE = 0.18       # of the image width
AUTO_RANGE_PX = 64      # the automatic range is not smaller
RANGE_STEP_PX = 16      # SGBM searches a multiple of this
HIGHEST_PX = 2047       # SGBM keeps disparities as 16 bit, four of them behind the point

# Smallest and largest value. SGBM sums costs in 16 bit: larger windows overflow.
LIMITS = {
    'min_disparity': (-2000, 2000),
    'max_disparity': (-2000, 2000),
    'correlation_window_size': (1, 21),
    'P1': (0, 15000),
    'P2': (0, 15000),
    'uniqueness_ratio': (0, 100),
    'speckle_size': (0, 100000),
    'speckle_range': (0, 100),
    'disp12_max_diff': (-1, 128),
    'prefilter_cap': (1, 63),
    'sgbm_mode': (0, len(SGBM_MODES) - 1),
    'max_pixels': (1, 1 << 28),
}
_WHOLE = ('correlation_window_size', 'speckle_size', 'speckle_range', 'disp12_max_diff',
          'prefilter_cap', 'sgbm_mode', 'max_pixels')


@dataclass(frozen=True)
class ClassicalConfig:
    """
    Options of :class:`ClassicalMatcher`; names and meaning as in stereo_image_proc.

    :param min_disparity: smallest disparity searched, pixels, rounded down. Negative for rigs
        that are rectified to converge.
    :param max_disparity: end of the search, pixels; the range is widened to a multiple of 16
        and does not include the end. 0 is automatic: 18 % of the image width, at least 64.
    :param correlation_window_size: edge of the matched block, pixels, odd.
    :param P1: penalty for a disparity step of 1 px between neighbours; 0 is automatic.
    :param P2: penalty for larger steps, > P1; 0 is automatic.
    :param uniqueness_ratio: percent by which the best match has to beat the second.
    :param speckle_size: patches of fewer pixels are removed; 0 keeps them.
    :param speckle_range: disparity step that separates patches, pixels.
    :param disp12_max_diff: difference of the disparities from the left and from the right
        image beyond which a pixel is occluded, pixels (half a pixel is always allowed, for
        the rounding to pixels); -1 does not check.
    :param prefilter_cap: limit of the horizontal gradient that is compared.
    :param sgbm_mode: 0 SGBM, 1 HH, 2 3WAY, 3 HH4. 1 and 3 need 4 bytes per pixel and disparity.
    :param fill_holes: give pixels without a match the disparity of the background next to
        them, with a confidence of at most 0.1; otherwise they are invalid.
    :param flow_preset: optical flow: 'ultrafast', 'fast' or 'medium'.
    :param max_pixels: larger images are refused.
    :raises ConfigError: if a value cannot work.
    """

    min_disparity: float = 0.0
    max_disparity: float = 0.0
    correlation_window_size: int = 3
    P1: float = 0
    P2: float = 0
    uniqueness_ratio: float = 5
    speckle_size: int = 100
    speckle_range: int = 2
    disp12_max_diff: int = 1
    prefilter_cap: int = 31
    sgbm_mode: int = 2
    fill_holes: bool = True
    flow_preset: str = 'medium'
    max_pixels: int = 1 << 25

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            _require_number(name, getattr(self, name), low, high)
        if not isinstance(self.fill_holes, bool):
            raise ConfigError(f'fill_holes must be True or False, got {self.fill_holes!r}')
        if self.correlation_window_size % 2 == 0:
            raise ConfigError('correlation_window_size must be odd, got '
                              f'{self.correlation_window_size}')
        if self.flow_preset not in FLOW_PRESETS:
            raise ConfigError(f'flow_preset must be one of {", ".join(FLOW_PRESETS)}, got '
                              f'{self.flow_preset!r}')
        if self.max_disparity != 0 and self.max_disparity <= self.min_disparity:
            raise ConfigError('max_disparity must be larger than min_disparity, or 0 for '
                              f'automatic, got {self.max_disparity:g} and '
                              f'{self.min_disparity:g}')
        P1, P2 = self.penalties()
        if P2 <= P1:
            raise ConfigError(f'P2 must be larger than P1, got P1 {P1} and P2 {P2} for a '
                              f'correlation_window_size of {self.correlation_window_size}')

    def penalties(self) -> tuple[int, int]:
        """P1 and P2, automatic ones resolved."""
        return penalties(self.P1, self.P2, self.correlation_window_size)

    def search_range(self, width: int) -> tuple[int, int]:
        """
        Resolve the disparities that are searched in images of one width.

        :param width: pixels.
        :returns: the smallest disparity and how many there are (a multiple of 16); never much
            beyond what an image of this width can show.
        """
        lowest = max(math.floor(self.min_disparity), 1 - width)
        if self.max_disparity == 0:
            end = lowest + max(math.ceil(AUTO_RANGE * width), AUTO_RANGE_PX)
        else:
            end = math.ceil(self.max_disparity)
        count = _round_up(max(min(end, width) - lowest, 1), RANGE_STEP_PX)
        most = (HIGHEST_PX - lowest) // RANGE_STEP_PX * RANGE_STEP_PX
        return lowest, min(count, most)


def penalties(P1: float, P2: float, window_px: int) -> tuple[int, int]:
    """
    Resolve the penalties of semi-global matching.

    :param P1: 0 is automatic.
    :param P2: 0 is automatic.
    :param window_px: edge of the matched block, which automatic ones grow with, pixels.
    """
    area = window_px ** 2
    return round(P1) or 8 * area, round(P2) or 32 * area


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _require_number(name: str, value: float, low: int, high: int) -> None:
    whole = name in _WHOLE
    kind = Integral if whole else Real
    if (isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high):
        raise ConfigError(f'{name} must be a {"whole " if whole else ""}number from {low} to '
                          f'{high}, got {value!r}')
