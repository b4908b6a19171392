"""What differs between images besides geometry: light, weather, optics and sensor."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

NOISE_EDGE = 1024
SHADOW_LEVELS = 8


@dataclass(frozen=True)
class Geometry:
    """
    What effects need to know of an image.

    :param flow: (H, W, 2) float32, pixels, to the other image.
    :param inverse_depth: (H, W) float32, 0 to 1; None without depth.
    """

    flow: np.ndarray
    inverse_depth: np.ndarray | None


def disturb(random: np.random.Generator, images: Sequence[np.ndarray],
            geometry: Sequence[Geometry], strength: float) -> list[np.ndarray]:
    """
    Change images of one scene, each in its own way; what is the same for all comes first.

    :param random: source of all choices.
    :param images: (H, W, 3) uint8 RGB each.
    :param geometry: of each image.
    :param strength: multiplies all effects.
    :returns: the changed images.
    """
    amount = strength * float(np.exp(random.normal(-0.7, 0.7)))
    amount = min(amount, 3.0 * strength)
    fields = [image.astype(np.float32) for image in images]
    if random.random() < 0.12:
        _fog(random, fields, geometry)
    if random.random() < 0.25:
        _shadows(random, fields, amount)
    if random.random() < 0.15:
        _highlights(random, fields, amount)
    grey = random.random() < 0.18
    noise = amount * float(np.exp(random.normal(0.6, 0.8))) * (random.random() < 0.7)
    changed = []
    for field, info in zip(fields, geometry, strict=True):
        seen = _exposure(random, _blur(random, field, info, amount), amount)
        if noise > 0.2:
            seen = _sensor_noise(random, seen, noise * random.uniform(0.6, 1.4))
        image = np.clip(seen, 0, 255).astype(np.uint8)
        changed.append(_compress(random, _grey(image) if grey else image, amount))
    if random.random() < 0.04:
        _erase(random, changed[int(random.integers(len(changed)))])
    return changed


def _smooth_field(random: np.random.Generator, size: tuple[int, int], cells: int) -> np.ndarray:
    grid = random.normal(size=(cells, cells)).astype(np.float32)
    return cv2.resize(grid, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def _fog(random: np.random.Generator, fields: Sequence[np.ndarray],
         geometry: Sequence[Geometry]) -> None:
    """Fade distant things into the colour of the air; the air is the same for all."""
    air = (random.uniform(120, 240) + random.normal(0, 10, 3)).astype(np.float32)
    density = random.uniform(0.05, 0.35)
    for field, info in zip(fields, geometry, strict=True):
        if info.inverse_depth is None:
            clear = np.float32(1 - density)
        else:
            clear = np.exp(-density / np.maximum(info.inverse_depth, 0.08))[..., None]
        field[:] = field * clear + (1 - clear) * air


def _shadows(random: np.random.Generator, fields: Sequence[np.ndarray],
             amount: float) -> None:
    """Darken areas with soft borders that have moved between the images."""
    height, width = fields[0].shape[:2]
    dark = min(0.75, 0.35 * amount * random.uniform(0.5, 1.5))
    margin = max(8, width // 8)
    field = _smooth_field(random, (height + 2 * margin, width + 2 * margin),
                          int(random.integers(3, SHADOW_LEVELS)))
    sharp = random.uniform(1.5, 12)
    factor = 1 - dark / (1 + np.exp(np.clip(-sharp * (field - 0.3), -30, 30)))
    for image in fields:
        x, y = random.integers(0, 2 * margin + 1, 2)
        image[:] *= factor[y:y + height, x:x + width, None]


def _highlights(random: np.random.Generator, fields: Sequence[np.ndarray],
                amount: float) -> None:
    """Bright spots that do not follow the surface under them."""
    height, width = fields[0].shape[:2]
    for _ in range(int(random.integers(1, 5))):
        centre = random.uniform(0, 1, 2) * (width, height)
        radius = height * np.exp(random.uniform(np.log(0.01), np.log(0.12)))
        power = 120 * min(amount, 1.5) * random.uniform(0.3, 1)
        for image in fields:
            x, y = centre + random.normal(0, 0.03 * width, 2)
            reach = int(3 * radius) + 2
            top, left = max(0, int(y) - reach), max(0, int(x) - reach)
            piece = image[top:max(0, int(y) + reach), left:max(0, int(x) + reach)]
            v = np.arange(piece.shape[0], dtype=np.float32)[:, None] + top - y
            u = np.arange(piece.shape[1], dtype=np.float32)[None] + left - x
            piece += (power * np.exp(-(u * u + v * v) / (2 * radius ** 2)))[..., None]


def _blur(random: np.random.Generator, field: np.ndarray, info: Geometry,
          amount: float) -> np.ndarray:
    """Spread by the optics, by defocus, or along the motion."""
    kind = random.random()
    if kind < 0.06:
        share = random.uniform(0.1, 0.6) * min(1.0, amount)
        longest = float(np.abs(info.flow).max())
        share = min(share, 24 / max(longest, 1e-6))
        return _motion_blur(field, info.flow, share)
    if kind < 0.4:
        deviation = float(np.clip(0.5 * amount * np.exp(random.normal(0, 0.5)), 0.2, 2.5))
        return cv2.GaussianBlur(field, (0, 0), deviation)
    return field


def _motion_blur(field: np.ndarray, flow: np.ndarray, share: float) -> np.ndarray:
    height, width = field.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    total = field.copy()
    for part in (-0.5, -0.25, 0.25, 0.5):
        total += cv2.remap(field, x + part * share * flow[..., 0],
                           y + part * share * flow[..., 1], cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)
    return total / 5


def _exposure(random: np.random.Generator, field: np.ndarray, amount: float) -> np.ndarray:
    """Gain, colour balance, saturation, gamma, and light that falls off across the image."""
    gain = np.exp(0.10 * amount * random.normal(size=1)
                  + 0.035 * amount * random.normal(size=3)).astype(np.float32)
    offset = np.float32(6 * amount * random.normal())
    if random.random() < 0.35:
        slope = (0.06 * amount * random.normal(size=2)).astype(np.float32)
        fall = np.float32(0.12 * amount * random.random() * (random.random() < 0.5))
        u = np.linspace(-1, 1, field.shape[1], dtype=np.float32)[None]
        v = np.linspace(-1, 1, field.shape[0], dtype=np.float32)[:, None]
        field *= (1 + slope[0] * u + slope[1] * v - fall * (u * u + v * v))[..., None]
    if random.random() < 0.3:
        weight = np.float32(np.clip(0.15 * amount * random.normal(), -0.4, 0.8))
        grey = cv2.cvtColor(field, cv2.COLOR_RGB2GRAY)[..., None]
        field = (1 - weight) * field + weight * grey
    field *= gain
    field += offset
    if random.random() < 0.4:
        gamma = float(np.exp(0.15 * amount * random.normal()))
        curve = 255 * (np.arange(256) / 255) ** gamma
        level = np.clip(field, 0, 255).astype(np.uint8)
        return cv2.LUT(level, curve.astype(np.float32))
    return field


@lru_cache(maxsize=1)
def _noise() -> np.ndarray:
    return np.random.default_rng(7).standard_normal((NOISE_EDGE, NOISE_EDGE, 3), np.float32)


def _sensor_noise(random: np.random.Generator, field: np.ndarray, strength: float) -> np.ndarray:
    """Gaussian noise, part of which grows with the signal; the same in all channels in some."""
    height, width = field.shape[:2]
    pool = _noise()
    y, x = random.integers(0, NOISE_EDGE, 2)
    if height <= NOISE_EDGE // 2 and width <= NOISE_EDGE // 2:
        y, x = y // 2, x // 2
        noise = pool[y:y + height, x:x + width]
    else:
        noise = np.take(np.take(pool, np.arange(y, y + height), 0, mode='wrap'),
                        np.arange(x, x + width), 1, mode='wrap')
    if random.random() < 0.3:
        noise = noise[..., :1]
    if random.random() < 0.5:
        return field + np.float32(strength) * noise
    return field + np.float32(strength / 11) * np.sqrt(np.maximum(field, 0) + 8) * noise


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _compress(random: np.random.Generator, image: np.ndarray, amount: float) -> np.ndarray:
    if random.random() >= 0.12:
        return image
    quality = int(np.clip(92 - 25 * amount * random.random(), 30, 95))
    _, data = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def _erase(random: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    for _ in range(int(random.integers(1, 4))):
        h, w = (random.uniform(0.05, 0.25, 2) * (height, width)).astype(int)
        y, x = int(random.integers(0, height - h)), int(random.integers(0, width - w))
        image[y:y + h, x:x + w] = random.integers(0, 256, 3)
