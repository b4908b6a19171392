"""What the generator of training pairs makes: sizes, shares and strengths."""
from dataclasses import dataclass

from ...core.errors import ConfigError
from .pools import POOL_SEED

SMALLEST_EDGE_PX = 32
SHARES = ('stereo_share', 'layered_share', 'clutter_share', 'near_wall_share', 'room_share',
          'bumpy_share', 'non_rigid_share', 'photometric_share', 'misrectified_share',
          'sphere_share', 'box_share')


@dataclass(frozen=True)
class SceneRecipe:
    """
    Settings of the generator; every share is a probability from 0 to 1.

    :param height: pixels.
    :param width: pixels.
    :param stereo_share: samples that are a rectified stereo pair.
    :param motion_scale: multiplies the displacements of the other samples.
    :param max_disparity: largest disparity of a stereo pair, pixels.
    :param layered_share: of the samples that are not stereo, those of layers that move in the
        image plane; the others have a moving camera in a scene of planes.
    :param clutter_share: stereo pairs of ten to 25 small and thin objects.
    :param near_wall_share: stereo pairs with a near, slanted wall of little texture.
    :param room_share: stereo pairs of a wall, a floor and side walls.
    :param bumpy_share: objects of a stereo pair whose disparity is a smooth bumpy field.
    :param non_rigid_share: layers that deform as they move.
    :param photometric_share: samples whose images differ in more than geometry.
    :param photometric_strength: multiplies the strength of those differences.
    :param misrectified_share: stereo pairs whose second image is slightly off its rows.
    :param supersample: sub-pixels along the edge of a pixel; the images are their averages.
    :param pool_size: number of textures to choose from.
    :param cache: folder for the pool, so that processes share it; None builds it in memory.
    :param sphere_share: objects of stereo pairs and before a moving camera that are balls.
    :param box_share: objects before a moving camera that are boxes or bars, three at most.
    :param pool_seed: chooses the textures and outlines of the pool; not negative.
    :raises ConfigError: if a value cannot work.
    """

    height: int = 192
    width: int = 256
    stereo_share: float = 0.5
    motion_scale: float = 1.0
    max_disparity: float = 64.0
    layered_share: float = 0.6
    clutter_share: float = 0.3
    near_wall_share: float = 0.15
    room_share: float = 0.25
    bumpy_share: float = 0.3
    non_rigid_share: float = 0.25
    photometric_share: float = 0.8
    photometric_strength: float = 1.0
    misrectified_share: float = 0.1
    supersample: int = 2
    pool_size: int = 240
    cache: str | None = None
    sphere_share: float = 0.12
    box_share: float = 0.12
    pool_seed: int = POOL_SEED

    def __post_init__(self) -> None:
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f'{name} must be from 0 to 1, got {getattr(self, name)}')
        if min(self.height, self.width) < SMALLEST_EDGE_PX:
            raise ConfigError(f'height and width must be at least {SMALLEST_EDGE_PX} pixels, '
                              f'got {self.height} x {self.width}')
        if self.clutter_share + self.near_wall_share + self.room_share > 1:
            raise ConfigError('clutter_share, near_wall_share and room_share add up to more '
                              'than 1')
        if self.sphere_share + self.box_share > 1:
            raise ConfigError('sphere_share and box_share add up to more than 1')
        if isinstance(self.pool_seed, bool) or not isinstance(self.pool_seed, int) or (
                self.pool_seed < 0):
            raise ConfigError(f'pool_seed must be a whole number from 0, got {self.pool_seed!r}')
        for name, least in (('motion_scale', 0), ('max_disparity', 1),
                            ('photometric_strength', 0), ('supersample', 1), ('pool_size', 20)):
            if not least <= getattr(self, name) < float('inf'):
                raise ConfigError(f'{name} must be a number from {least}, '
                                  f'got {getattr(self, name)}')

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.height, self.width
