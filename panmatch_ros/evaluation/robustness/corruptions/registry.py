"""All corruptions by name."""
from ....core.errors import ConfigError
from .base import Corruption
from .blur import DEFOCUS, MOTION_BLUR
from .night import NIGHT
from .sensor import JPEG, LOW_RESOLUTION, NOISE
from .style import PAINTING, POSTERISE, RECOLOUR
from .weather import FOG, RAIN

CORRUPTIONS = {each.name: each for each in (
    RAIN, FOG, NIGHT, MOTION_BLUR, DEFOCUS, NOISE, JPEG, LOW_RESOLUTION, POSTERISE, PAINTING,
    RECOLOUR)}


def find_corruption(name: str) -> Corruption:
    """
    Give a corruption.

    :param name: its name.
    :raises ConfigError: if there is none of that name.
    """
    if name not in CORRUPTIONS:
        raise ConfigError(f'there is no corruption {name!r}; choose of {", ".join(CORRUPTIONS)}')
    return CORRUPTIONS[name]
