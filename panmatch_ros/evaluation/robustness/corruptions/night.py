"""Night: little light, of another colour, and the noise that comes with it."""
import numpy as np

from .base import Corruption, View, to_float, to_image

GAMMA = 2.2
FULL_WELL = 2000.0   # electrons of a white pixel by day, a small sensor
READ_NOISE = 4.0     # electrons, standard deviation
REGAINED = 0.5       # share of the lost stops that the gain of the camera brings back
LIGHTS = ((1.25, 0.95, 0.6), (0.75, 0.95, 1.3))  # street lamps; the moon
FULL_CAST_STOPS = 5.0


def night(view: View, grade: float, shared: np.random.Generator,
          own: np.random.Generator) -> np.ndarray:
    """
    Take light away.

    :param grade: stops (powers of two) of light that are missing.
    """
    light = np.asarray(LIGHTS[int(shared.integers(len(LIGHTS)))])
    cast = 1 + (light - 1) * min(1.0, grade / FULL_CAST_STOPS)
    noise = own.standard_normal(view.image.shape, dtype=np.float32)
    seen = (to_float(view.image) / 255) ** GAMMA * (cast * 2.0 ** -grade).astype(np.float32)
    electrons = FULL_WELL * seen
    electrons += np.sqrt(electrons + READ_NOISE ** 2) * noise * min(1.0, grade)
    gain = 2.0 ** (REGAINED * grade)
    return to_image(255 * np.clip(gain * electrons / FULL_WELL, 0, 1) ** (1 / GAMMA))


NIGHT = Corruption('night', 'less light of another colour, half of it regained, shot noise',
                   'stops of light missing', (0, 1, 2, 3, 4, 5), night)
