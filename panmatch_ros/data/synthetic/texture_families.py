"""Families of random textures: each makes one (edge, edge, 3) uint8 RGB image from a seed."""
from collections.abc import Callable

import cv2
import numpy as np

from .texture_patterns import glyphs, pattern
from .texture_shapes import dead_leaves, fern, julia, stretched

Family = Callable[[np.random.Generator, int], np.ndarray]


def spectral(random: np.random.Generator, edge: int, exponent: float | None = None) -> np.ndarray:
    """(edge, edge) float32 noise whose amplitude falls with frequency; mean 0, deviation 1."""
    a = random.uniform(0.5, 2.2) if exponent is None else exponent
    fy, fx = np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None]
    stretch = np.exp(random.normal(0, 0.4))
    radius = np.hypot(fx * stretch, fy / stretch)
    radius[0, 0] = 1.0
    phases = random.uniform(0, 2 * np.pi, radius.shape).astype(np.float32)
    spectrum = radius ** -a * np.exp(1j * phases)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (edge, edge)).astype(np.float32)
    return field / max(float(field.std()), 1e-12)


def paint(random: np.random.Generator, field: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Colours of two fields along random axes: mostly grey contrast, some chroma."""
    contrast = float(np.exp(random.uniform(np.log(14), np.log(60))))
    chroma = random.uniform(0.0, 0.6)
    mean = random.uniform(70, 185) + random.normal(0, 25, 3)
    first = 1 + chroma * random.normal(0, 0.5, 3)
    other = chroma * random.normal(0, 0.6, 3)
    colors = np.empty((*field.shape, 3), np.uint8)
    for channel in range(3):
        value = mean[channel] + contrast * (first[channel] * field + other[channel] * second)
        colors[..., channel] = np.clip(value, 0, 255)
    return colors


def palette(random: np.random.Generator, knots: int) -> np.ndarray:
    """(256, 3) uint8 colours that run through some random ones."""
    places = np.linspace(0, 255, knots)
    bright = np.sort(random.uniform(10, 245, knots)) if random.random() < 0.6 \
        else random.uniform(10, 245, knots)
    colors = np.clip(bright[:, None] + random.normal(0, 30, (knots, 3)), 0, 255)
    steps = np.arange(256)
    return np.stack([np.interp(steps, places, colors[:, c]) for c in range(3)],
                    -1).astype(np.uint8)


def noise(random: np.random.Generator, edge: int) -> np.ndarray:
    return paint(random, spectral(random, edge), spectral(random, edge))


def plasma(random: np.random.Generator, edge: int) -> np.ndarray:
    """Fractal sums of smooth noise, plain, ridged or in steps, through a random palette."""
    gain, ridged = random.uniform(0.35, 0.75), random.random() < 0.35
    total = np.zeros((edge, edge), np.float32)
    cells, weight = int(random.integers(2, 7)), 1.0
    while cells < edge // 2:
        grid = random.uniform(-1, 1, (cells + 3, cells + 3)).astype(np.float32)
        octave = cv2.resize(grid, (edge, edge), interpolation=cv2.INTER_CUBIC)
        total += weight * (1 - 2 * np.abs(octave) if ridged else octave)
        cells, weight = 2 * cells, weight * gain
    level = stretched(total).astype(np.uint8)
    colors = palette(random, int(random.integers(2, 9)))
    if random.random() < 0.3:
        colors = colors[(np.arange(256) // 40) * 40]
    return colors[level]


def leaves(random: np.random.Generator, edge: int) -> np.ndarray:
    """Overlapping shapes of all sizes, shaded by noise."""
    image = dead_leaves(random, edge)
    return shade(random, image, random.uniform(0.0, 0.3))


def fractal(random: np.random.Generator, edge: int) -> np.ndarray:
    level = julia(random, edge) if random.random() < 0.5 else fern(random, edge)
    return shade(random, palette(random, int(random.integers(3, 8)))[level], 0.1)


def regular(random: np.random.Generator, edge: int) -> np.ndarray:
    """Gratings, checkers, bricks, tiles and dots: patterns that repeat, with wear."""
    level = pattern(random, edge)
    image = palette(random, int(random.integers(2, 4)))[level]
    return shade(random, image, random.uniform(0.02, 0.35))


def text(random: np.random.Generator, edge: int) -> np.ndarray:
    return shade(random, glyphs(random, edge), random.uniform(0.0, 0.15))


def mixture(random: np.random.Generator, edge: int) -> np.ndarray:
    """Two families in patches of each other."""
    first, second = (FAMILIES[i](random, edge) for i in random.integers(0, 6, 2))
    share = np.clip(128 + 400 * (spectral(random, edge, 2.0) + random.uniform(-1, 1)), 0, 255)
    weight = (share / 255).astype(np.float32)[..., None]
    return (first * weight + second * (1 - weight)).astype(np.uint8)


def shade(random: np.random.Generator, image: np.ndarray, strength: float) -> np.ndarray:
    """Multiply by noise of that deviation."""
    if strength < 0.02:
        return image
    factor = 1 + strength * spectral(random, image.shape[0])
    return np.clip(image * factor[..., None], 0, 255).astype(np.uint8)


def gradient(random: np.random.Generator, edge: int) -> np.ndarray:
    """Nearly uniform walls: smooth gradients and faint noise."""
    corners = random.uniform(30, 225) + random.normal(0, 14, (3, 3, 3))
    smooth = cv2.resize(corners.astype(np.float32), (edge, edge), interpolation=cv2.INTER_CUBIC)
    strength = np.exp(random.uniform(np.log(0.7), np.log(6)))
    smooth = smooth + (strength * spectral(random, edge))[..., None]
    return np.clip(smooth, 0, 255).astype(np.uint8)


def faint(random: np.random.Generator, edge: int) -> np.ndarray:
    """One of the other families with a tenth of its contrast."""
    image = FAMILIES[int(random.integers(0, 8))](random, edge).astype(np.float32)
    mean = image.mean(axis=(0, 1))
    scale = random.uniform(0.05, 0.2)
    return np.clip(mean + scale * (image - mean), 0, 255).astype(np.uint8)


def blurred(random: np.random.Generator, edge: int) -> np.ndarray:
    """One of the other families out of focus."""
    image = FAMILIES[int(random.integers(0, 8))](random, edge)
    return cv2.GaussianBlur(image, (0, 0), random.uniform(2.5, 9))


FAMILIES: tuple[Family, ...] = (noise, plasma, leaves, regular, noise, leaves, fractal, text,
                                mixture, leaves)
PLAIN_FAMILIES: tuple[Family, ...] = (gradient, faint, gradient, blurred)
