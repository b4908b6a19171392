"""Overlapping shapes and fractals for textures."""
import cv2
import numpy as np


def stretched(field: np.ndarray) -> np.ndarray:
    """Scale to 0 to 255, float32."""
    low, high = float(field.min()), float(field.max())
    return ((field - low) * (255 / max(high - low, 1e-9))).astype(np.float32)


def dead_leaves(random: np.random.Generator, edge: int) -> np.ndarray:
    """Paint discs, polygons and strokes over each other, radii by a power law."""
    count = int(random.integers(400, 2500))
    smallest, largest = random.uniform(1.5, 5), edge * random.uniform(0.08, 0.35)
    power = random.uniform(1.6, 3.0)  # of the density of the radii
    u = random.random(count)
    low, high = smallest ** (1 - power), largest ** (1 - power)
    radii = (low + u * (high - low)) ** (1 / (1 - power))
    base = random.uniform(20, 235, (int(random.integers(3, 30)), 3))
    spread = random.uniform(0, 40)
    colors = np.clip(base[random.integers(0, len(base), count)]
                     + spread * random.normal(size=(count, 1)), 0, 255).astype(int)
    image = np.empty((edge, edge, 3), np.uint8)
    image[:] = base[0]
    kinds = random.permutation(3)[:int(random.integers(1, 4))]
    for radius, color in zip(radii, colors.tolist(), strict=True):
        _leaf(random, image, radius, color, int(random.choice(kinds)))
    return image


def _leaf(random: np.random.Generator, image: np.ndarray, radius: float, color: list[int],
          kind: int) -> None:
    x, y = random.uniform(0, image.shape[0], 2)
    if kind == 0:
        axes = (int(8 * radius), int(8 * radius * random.uniform(0.4, 1)))
        cv2.ellipse(image, (int(8 * x), int(8 * y)), axes, random.uniform(0, 180), 0, 360,
                    color, -1, cv2.LINE_AA, 3)
    elif kind == 1:
        angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 7))))
        points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], -1)
        cv2.fillPoly(image, [np.rint(8 * points).astype(np.int32)], color, cv2.LINE_AA, 3)
    else:
        angle, length = random.uniform(0, np.pi), 4 * radius
        end = (int(x + length * np.cos(angle)), int(y + length * np.sin(angle)))
        cv2.line(image, (int(x), int(y)), end, color, max(1, int(radius / 2)), cv2.LINE_AA)


def julia(random: np.random.Generator, edge: int) -> np.ndarray:
    """(edge, edge) uint8 escape times of a Julia set near the border of the Mandelbrot set."""
    angle = random.uniform(0, 2 * np.pi)
    c = np.complex64(0.5 * np.exp(1j * angle) - 0.25 * np.exp(2j * angle))
    c *= np.float32(random.uniform(1.0, 1.1))
    half = edge // 2
    scale, centre = random.uniform(0.3, 1.4), random.uniform(-0.4, 0.4, 2)
    line = np.linspace(-scale, scale, half, dtype=np.float32)
    z = (line[None] + centre[0] + 1j * (line[:, None] + centre[1])).astype(np.complex64)
    count = np.zeros(z.shape, np.float32)
    for _ in range(40):
        size = z.real ** 2 + z.imag ** 2
        inside = size < 16
        count += inside
        z = np.where(inside, z * z + c, z)
    level = stretched(np.sqrt(count))
    return cv2.resize(level, (edge, edge), interpolation=cv2.INTER_CUBIC).clip(
        0, 255).astype(np.uint8)


def fern(random: np.random.Generator, edge: int) -> np.ndarray:
    """(edge, edge) uint8 density of a random system of contractions."""
    maps = int(random.integers(3, 6))
    matrices = random.uniform(-0.8, 0.8, (maps, 2, 2))
    norms = np.linalg.norm(matrices, ord=2, axis=(1, 2))
    matrices *= np.minimum(1, 0.8 / norms)[:, None, None]
    shifts = random.uniform(-1, 1, (maps, 2))
    points = random.uniform(-1, 1, (4000, 2))
    seen = []
    for step in range(60):
        choice = random.integers(0, maps, len(points))
        points = np.einsum('nij,nj->ni', matrices[choice], points) + shifts[choice]
        if step >= 10:
            seen.append(points)
    every = np.concatenate(seen)
    low, high = np.percentile(every, (3, 97), axis=0)
    density, _, _ = np.histogram2d(every[:, 0], every[:, 1], edge,
                                   list(zip(low, high, strict=True)))
    value = cv2.GaussianBlur(np.log1p(density).astype(np.float32), (0, 0), 1.0)
    return stretched(value).astype(np.uint8)
