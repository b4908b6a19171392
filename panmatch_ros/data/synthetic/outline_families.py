"""Families of outlines: each draws one (edge, edge) uint8 shape, 255 inside."""
from collections.abc import Callable

import cv2
import numpy as np

Family = Callable[[np.random.Generator, int], np.ndarray]


def _blank(edge: int) -> np.ndarray:
    return np.zeros((edge, edge), np.uint8)


def _angles(random: np.random.Generator, count: int) -> np.ndarray:
    return (np.arange(count) + random.uniform(-0.35, 0.35, count)) * 2 * np.pi / count


def blob(random: np.random.Generator, edge: int) -> np.ndarray:
    """Smooth noise over a threshold, denser in the middle."""
    cells = int(random.integers(3, 12))
    grid = random.normal(size=(cells, cells)).astype(np.float32)
    field = cv2.resize(grid, (edge, edge), interpolation=cv2.INTER_CUBIC)
    line = np.linspace(-1, 1, edge, dtype=np.float32)
    middle = 0.75 - np.sqrt(line[None] ** 2 + line[:, None] ** 2)
    field = field + 2.2 * middle * random.uniform(0.5, 2)
    return ((field > 0) * 255).astype(np.uint8)


def polygon(random: np.random.Generator, edge: int) -> np.ndarray:
    """Convex or star-shaped."""
    angles = _angles(random, int(random.integers(3, 11)))
    radii = edge * 0.47 * random.uniform(random.choice([0.3, 0.6, 0.9]), 1, len(angles))
    points = edge / 2 + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    shape = _blank(edge)
    cv2.fillPoly(shape, [points.astype(np.int32)], 255)
    return shape


def ellipse(random: np.random.Generator, edge: int) -> np.ndarray:
    shape, half = _blank(edge), edge // 2
    axes = (int(0.47 * edge), int(0.47 * edge * random.uniform(0.35, 1)))
    cv2.ellipse(shape, (half, half), axes, random.uniform(0, 180), 0, 360, 255, -1)
    return shape


def rectangle(random: np.random.Generator, edge: int) -> np.ndarray:
    """With straight or round corners, some with holes."""
    shape, half = _blank(edge), edge / 2
    width, height = 0.47 * edge, 0.47 * edge * random.uniform(0.3, 1)
    cv2.rectangle(shape, (int(half - width), int(half - height)),
                  (int(half + width), int(half + height)), 255, -1)
    for _ in range(int(random.choice([0, 0, 1, 3]))):
        x, y = random.uniform(0.15, 0.8, 2) * edge
        w, h = random.uniform(0.05, 0.2, 2) * edge
        cv2.rectangle(shape, (int(x), int(y)), (int(x + w), int(y + h)), 0, -1)
    return shape


def flower(random: np.random.Generator, edge: int) -> np.ndarray:
    line = np.linspace(-1, 1, edge, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    angle, waves = np.arctan2(y, x), int(random.integers(2, 9))
    depth = random.uniform(0.05, 0.4)
    radius = 0.92 * (1 - depth + depth * np.cos(waves * angle + random.uniform(0, 6)))
    return ((np.hypot(x, y) < radius) * 255).astype(np.uint8)


def ring(random: np.random.Generator, edge: int) -> np.ndarray:
    shape = _blank(edge)
    radius, width = 0.42 * edge, edge * random.uniform(0.02, 0.12)
    axes = (int(radius), int(radius * random.uniform(0.5, 1)))
    cv2.ellipse(shape, (edge // 2, edge // 2), axes, random.uniform(0, 180), 0,
                360 if random.random() < 0.7 else random.uniform(120, 330), 255,
                max(4, int(width)))
    return shape


def bars(random: np.random.Generator, edge: int) -> np.ndarray:
    """One or a few thin rods."""
    shape = _blank(edge)
    for _ in range(int(random.choice([1, 1, 2, 3, 5]))):
        start, end = random.uniform(0.02, 0.98, (2, 2)) * edge
        if random.random() < 0.5:
            axis = int(random.integers(2))
            start[axis], end[axis] = 0.02 * edge, 0.98 * edge
            end[1 - axis] = start[1 - axis] + random.normal(0, 0.1) * edge
        cv2.line(shape, tuple(start.astype(int).tolist()), tuple(end.astype(int).tolist()), 255,
                 int(edge * np.exp(random.uniform(np.log(0.012), np.log(0.06)))))
    return shape


def fence(random: np.random.Generator, edge: int) -> np.ndarray:
    """Parallel bars, with or without crossing ones."""
    shape = _blank(edge)
    count = int(random.integers(3, 11))
    width = max(4, int(edge / count * random.uniform(0.12, 0.45)))
    across = random.choice([0, 2, count])
    low, high = int(0.03 * edge), int(0.97 * edge)
    for place in np.linspace(0.06, 0.94, count) * edge:
        cv2.line(shape, (int(place), low), (int(place), high), 255, width)
    for place in np.linspace(0.2, 0.8, int(across)) * edge:
        cv2.line(shape, (low, int(place)), (high, int(place)), 255, max(4, width // 2))
    return shape


def branches(random: np.random.Generator, edge: int) -> np.ndarray:
    """Draw a stem that splits, with or without leaves at the ends."""
    shape = _blank(edge)
    leafy = random.random() < 0.6
    stack = [(np.array([edge / 2, 0.96 * edge]), -np.pi / 2, 0.3 * edge,
              edge * random.uniform(0.015, 0.05))]
    while stack:
        start, angle, length, width = stack.pop()
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        corners = [tuple(p.astype(int).tolist()) for p in (start, end)]
        cv2.line(shape, corners[0], corners[1], 255, max(4, int(width)))
        if length < 0.1 * edge:
            if leafy:
                cv2.ellipse(shape, corners[1], (int(0.05 * edge), int(0.02 * edge)),
                            float(np.degrees(angle)), 0, 360, 255, -1)
            continue
        for _ in range(int(random.integers(2, 4))):
            stack.append((end, angle + random.normal(0, 0.6),
                          length * random.uniform(0.5, 0.8), width * 0.7))
    return shape


def foliage(random: np.random.Generator, edge: int) -> np.ndarray:
    """Scattered small leaves."""
    shape = _blank(edge)
    size = edge * random.uniform(0.03, 0.1)
    for _ in range(int(random.integers(8, 60))):
        x, y = np.clip(edge / 2 + random.normal(0, 0.2 * edge, 2), 0.08 * edge, 0.92 * edge)
        axes = (int(size), max(3, int(size * random.uniform(0.25, 0.6))))
        cv2.ellipse(shape, (int(x), int(y)), axes, random.uniform(0, 180), 0, 360, 255, -1)
    return shape


def wire(random: np.random.Generator, edge: int) -> np.ndarray:
    """Draw a curved line."""
    shape = _blank(edge)
    s = np.linspace(0, 1, 60)
    phase, waves = random.uniform(0, 6, 2), random.uniform(0.5, 3, 2)
    swing = random.uniform(0.1, 0.43)
    x = edge * (0.06 + 0.88 * s) if random.random() < 0.5 \
        else edge * (0.5 + 0.43 * np.sin(waves[0] * 2 * np.pi * s + phase[0]))
    y = edge * (0.5 + swing * np.sin(waves[1] * 2 * np.pi * s + phase[1]))
    points = np.stack([x, y], -1).astype(np.int32)
    cv2.polylines(shape, [points], False, 255, int(edge * random.uniform(0.014, 0.05)))
    return shape


def letter(random: np.random.Generator, edge: int) -> np.ndarray:
    shape = _blank(edge)
    cv2.putText(shape, chr(int(random.integers(65, 91))), (int(0.1 * edge), int(0.85 * edge)),
                cv2.FONT_HERSHEY_SIMPLEX, 0.035 * edge, 255,
                int(edge * random.uniform(0.03, 0.12)))
    return shape


SOLID_FAMILIES: tuple[Family, ...] = (blob, polygon, ellipse, rectangle, flower, blob, polygon,
                                      rectangle)
THIN_FAMILIES: tuple[Family, ...] = (bars, fence, branches, ring, wire, bars, foliage, letter)
