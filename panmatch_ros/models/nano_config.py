"""What a nano network is made of: one frozen dataclass."""
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..core.errors import ConfigError

HEIGHT_MULTIPLE = 16  # image sizes that the network takes, pixels
WIDTH_MULTIPLE = 64
MOST_BLOCKS = 32


@dataclass(frozen=True)
class NanoConfig:
    """
    The form of a nano network; the defaults are the shipped one.

    :param channels: of the features at 1/2, 1/4, 1/8 and 1/16 of the image.
    :param blocks: residual blocks of the encoder at 1/4, 1/8 and 1/16.
    :param match_dim: channels that are compared at 1/16, over the whole image.
    :param hidden: channels of the recurrent state at 1/4, 1/8 and 1/16.
    :param radius: of the correlation windows at 1/4, 1/8 and 1/16, pixels of that scale.
    :param iterations: updates at 1/4, at 1/8 and at 1/16.
    :param disparity_levels: of the stereo volume, steps of 8 pixels; a multiple of 16.
    :param volume_dim: channels of the stereo volume.
    :param fine_dim: channels that are compared along the rows at 1/4.
    :raises ConfigError: if a value cannot work.
    """

    channels: tuple[int, int, int, int] = (16, 32, 64, 96)
    blocks: tuple[int, int, int] = (2, 2, 3)
    match_dim: int = 64
    hidden: tuple[int, int, int] = (32, 64, 64)
    radius: tuple[int, int, int] = (3, 4, 3)
    iterations: tuple[int, int, int] = (2, 1, 1)
    disparity_levels: int = 32
    volume_dim: int = 16
    fine_dim: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            default = field.default
            if isinstance(default, tuple):
                value = tuple(value) if isinstance(value, tuple | list) else value
                object.__setattr__(self, field.name, value)
                _check(field.name, value, len(default))
            else:
                _check(field.name, (value,), 1)
        if max(self.blocks) > MOST_BLOCKS:
            raise ConfigError(f'blocks must be at most {MOST_BLOCKS}, got {self.blocks}')
        if self.disparity_levels % 16:
            raise ConfigError('disparity_levels must be a multiple of 16, got '
                              f'{self.disparity_levels}')
        if self.channels[2] % 8:
            raise ConfigError(f'channels at 1/8 must be a multiple of 8, got {self.channels[2]}')
        for name, radius, most in zip(('1/4', '1/8', '1/16'), self.radius, (8, 4, 8), strict=True):
            if radius > most:
                raise ConfigError(f'radius at {name} must be at most {most}, got {radius}')

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'NanoConfig':
        """
        Make a config of plain values.

        :raises ConfigError: for an unknown name or a value that cannot work.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f'nano has no option {", ".join(unknown)}; there are '
                              f'{", ".join(sorted(known))}')
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as :meth:`from_dict` takes them."""
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(self).items()}


def _check(name: str, values: Any, length: int) -> None:
    if (not isinstance(values, tuple) or len(values) != length
            or any(type(value) is not int or not 0 < value <= 1024 for value in values)):
        raise ConfigError(f'{name} must be {length} whole number(s) from 1 to 1024, got '
                          f'{values!r}')
