"""Regular patterns and rows of glyphs for textures."""
import cv2
import numpy as np

FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX,
         cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX)
LETTERS = list('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789#%&@?!=+')


def pattern(random: np.random.Generator, edge: int) -> np.ndarray:
    """(edge, edge) uint8 levels of a repeating pattern in a random direction."""
    angle = random.choice([0.0, random.uniform(0, np.pi)])
    period = np.exp(random.uniform(np.log(8), np.log(90)))
    y, x = np.mgrid[:edge, :edge].astype(np.float32)
    bend = random.uniform(0, 6) * np.sin(2 * np.pi * y / edge * random.uniform(0.5, 3))
    u = (np.cos(angle) * x + np.sin(angle) * y + bend) / period
    v = (np.cos(angle) * y - np.sin(angle) * x) / (period * random.uniform(0.4, 1.6))
    kind = int(random.integers(0, 6))
    if kind == 0:
        value = 0.5 + 0.5 * np.sin(2 * np.pi * u)
    elif kind == 1:
        value = (np.floor(u) + np.floor(v)) % 2
    elif kind == 2:
        row = np.floor(v)
        brick = np.floor(u + 0.5 * (row % 2))
        joint = ((v - row) < 0.15) | ((u + 0.5 * (row % 2) - brick) < 0.08)
        tone = np.sin(brick * 12.9 + row * 78.2) * 43758.5
        value = np.where(joint, 0.0, 0.5 + 0.5 * (tone - np.floor(tone)))
    elif kind == 3:
        value = np.minimum((u % 1) < 0.12, 1) + 0.5 * ((v % 1) < 0.12)
    elif kind == 4:
        value = np.hypot(u % 1 - 0.5, v % 1 - 0.5) < random.uniform(0.15, 0.45)
    else:
        bars = random.random(256)
        value = bars[np.floor(2 * u).astype(int) % 256]
    level = (np.clip(value, 0, 1) * 255).astype(np.float32)
    return cv2.GaussianBlur(level, (0, 0), random.uniform(0.6, 1.5)).astype(np.uint8)


def glyphs(random: np.random.Generator, edge: int) -> np.ndarray:
    """(edge, edge, 3) uint8 rows of random letters, and some scrawls."""
    image = np.empty((edge, edge, 3), np.uint8)
    image[:] = random.uniform(0, 255, 3)
    colors = random.uniform(0, 255, (int(random.integers(1, 5)), 3)).astype(int).tolist()
    y = 0.0
    while y < edge:
        scale = np.exp(random.uniform(np.log(0.35), np.log(2.5)))
        y += 28 * scale
        row = ''.join(random.choice(LETTERS, 60))
        color = colors[int(random.integers(len(colors)))]
        cv2.putText(image, row, (int(random.uniform(-40, 10)), int(y)),
                    int(random.choice(FONTS)), scale, color,
                    max(1, int(scale * random.uniform(0.8, 3))), cv2.LINE_AA)
    for _ in range(int(random.integers(0, 25))):
        steps = random.normal(0, 18, (int(random.integers(3, 12)), 2))
        points = np.cumsum(steps, axis=0) + random.uniform(0, edge, 2)
        cv2.polylines(image, [points.astype(np.int32)], False,
                      colors[int(random.integers(len(colors)))],
                      int(random.integers(1, 5)), cv2.LINE_AA)
    if random.random() < 0.3:
        return np.ascontiguousarray(image.transpose(1, 0, 2))
    return image
