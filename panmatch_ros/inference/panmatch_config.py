"""Options of the PanMatch network as a matcher."""
from dataclasses import dataclass
import math
from numbers import Integral, Real

from ..core.errors import ConfigError
from .runtime_options import RuntimeOptions, require_boolean, require_whole

TILES = ('auto', 'always', 'never')
UPSAMPLINGS = ('checkpoint', 'bilinear')

SMALLEST_TILE_PX = 112
_WHOLE = {'max_pixels': (1, 1 << 28), 'iterations': (0, 100)}


@dataclass(frozen=True)
class PanMatchOptions(RuntimeOptions):
    """
    Options of :class:`~panmatch_ros.inference.panmatch.PanMatchMatcher`.

    ``weights`` is a checkpoint file; ``~`` is the home folder. What computes is described by
    :class:`.runtime_options.RuntimeOptions`.

    :param tiles: cut images into tiles and match tile by tile: 'always', 'never', or 'auto':
        images of more than about 1.1 megapixels. A tile is matched to the same part of the
        other image, so nothing is found that moves by more than a tile.
    :param tile_size: (height, width) of a tile, pixels; None takes the size that the network
        was trained on, 448 x 448 if the checkpoint does not tell.
    :param max_pixels: larger images are refused.
    :param bidirectional: also match image 1 to image 0; how well the two directions agree is
        the confidence. Features are computed once for both.
    :param iterations: updates of the flow; 0 takes the number of the checkpoint.
    :param upsampling: 'checkpoint': of the features as the network was trained; 'bilinear': an
        ablation, the weights of the guided upsampling are left out.
    :param reference_quirks: stretch images and scale results as the reference code does.
    :param min_disparity: stereo: smaller disparities are invalid, pixels.
    :param max_disparity: stereo: larger disparities are invalid, pixels; 0 is no limit.
    :raises ConfigError: if a value cannot work.
    """

    tiles: str = 'auto'
    tile_size: tuple[int, int] | None = None
    max_pixels: int = 1 << 25
    bidirectional: bool = True
    iterations: int = 0
    reference_quirks: bool = False
    upsampling: str = 'checkpoint'
    min_disparity: float = 0.0
    max_disparity: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tiles not in TILES:
            raise ConfigError(f'tiles must be one of {", ".join(TILES)}, got {self.tiles!r}')
        if self.upsampling not in UPSAMPLINGS:
            raise ConfigError(f'upsampling must be one of {", ".join(UPSAMPLINGS)}, got '
                              f'{self.upsampling!r}')
        for name, (low, high) in _WHOLE.items():
            require_whole(name, getattr(self, name), low, high)
        for name in ('bidirectional', 'reference_quirks'):
            require_boolean(name, getattr(self, name))
        if self.reference_quirks and self.fit == 'letterbox':
            raise ConfigError('the reference code stretches images: reference_quirks does not go '
                              'with fit letterbox')
        self._check_tile_size()
        self._check_disparities()

    def disparity_range(self) -> tuple[float, float]:
        """Smallest and largest valid disparity, pixels; the latter may be infinite."""
        return float(self.min_disparity), float(self.max_disparity) or math.inf

    def _check_tile_size(self) -> None:
        if self.tile_size is None:
            return
        tile = tuple(self.tile_size)
        if len(tile) != 2 or not all(
                _is_whole(length) and length >= SMALLEST_TILE_PX for length in tile):
            raise ConfigError('tile_size must be (height, width) of at least '
                              f'{SMALLEST_TILE_PX} pixels each, got {self.tile_size!r}')
        object.__setattr__(self, 'tile_size', tile)

    def _check_disparities(self) -> None:
        for name in ('min_disparity', 'max_disparity'):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) \
                    or not math.isfinite(value):
                raise ConfigError(f'{name} must be a finite number, got {value!r}')
        if self.max_disparity != 0 and self.max_disparity <= self.min_disparity:
            raise ConfigError('max_disparity must be larger than min_disparity, or 0 for no '
                              f'limit, got {self.max_disparity:g} and {self.min_disparity:g}')


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
