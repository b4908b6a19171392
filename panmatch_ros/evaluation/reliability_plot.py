"""Reliability diagram: how often pixels of a confidence are right."""
from collections.abc import Mapping
import html

from .confidence import RIGHT_PX, Reliability
from .svg_plot import colors_of

SIDE = 260                       # of the square from 0 to 1
LEFT, TOP, BELOW, RIGHT = 46, 26, 44, 14
LINE = 18
MIN_RADIUS, MAX_RADIUS = 1.5, 11.0


def reliability_plot(title: str, curves: Mapping[str, Reliability]) -> str:
    """
    Draw the share of right pixels over the confidence, one line for each matcher.

    The area of a dot is the share of pixels with this confidence. On the diagonal a confidence
    is what it says; below it is too sure.

    :param title: above the diagram.
    :param curves: by the label of the matcher; colours go by their order, and those without
        pixels are left out.
    :returns: an SVG picture.
    """
    colors = colors_of(list(curves))
    drawn = {label: curve for label, curve in curves.items() if curve.pixels.any()}
    width, height = LEFT + SIDE + RIGHT, TOP + SIDE + BELOW + LINE * len(drawn) + 4
    parts = [_axes(title)]
    for index, (label, curve) in enumerate(drawn.items()):
        color = colors[label]
        parts.append(_line(curve, color))
        y = TOP + SIDE + BELOW + LINE * index + 8
        text = f'{label}: calibration error {curve.calibration_error:.3f}'
        parts.append(f'<circle cx="{LEFT}" cy="{y}" r="5" fill="{color}"/>'
                     f'<text x="{LEFT + 12}" y="{y + 4}">{html.escape(text)}</text>')
    body = '\n'.join(parts)
    return (f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{html.escape(title)}">\n{body}\n</svg>')


def _axes(title: str) -> str:
    """Frame, grid, numbers and the diagonal."""
    bottom, parts = TOP + SIDE, []
    for step in range(6):
        value = step / 5
        x, y = _position(value, value)
        parts.append(f'<path d="M{x} {TOP}V{bottom}M{LEFT} {y}H{LEFT + SIDE}" stroke="#e3e6e9"/>'
                     f'<text x="{x}" y="{bottom + 15}" text-anchor="middle">{value:.1f}</text>'
                     f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.1f}</text>')
    middle_x, middle_y = LEFT + SIDE / 2, TOP + SIDE / 2
    parts.append(
        f'<path d="M{LEFT} {bottom}L{LEFT + SIDE} {TOP}" stroke="#9aa1a8" '
        'stroke-dasharray="4 4"/>'
        f'<text x="{middle_x}" y="{TOP - 10}" text-anchor="middle" font-weight="600">'
        f'{html.escape(title)}</text>'
        f'<text x="{middle_x}" y="{bottom + 31}" text-anchor="middle">confidence</text>'
        f'<text transform="translate(12 {middle_y}) rotate(-90)" text-anchor="middle">'
        f'share of pixels right to {RIGHT_PX:g} px</text>')
    return '\n'.join(parts)


def _line(curve: Reliability, color: str) -> str:
    points = [(*_position(confidence, right), share)
              for confidence, right, share in curve.curve()]
    path = ' '.join(f'{x:.1f},{y:.1f}' for x, y, _ in points)
    dots = ''.join(f'<circle cx="{x:.1f}" cy="{y:.1f}" '
                   f'r="{max(MIN_RADIUS, MAX_RADIUS * share ** 0.5):.1f}"/>'
                   for x, y, share in points)
    return (f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>'
            f'<g fill="{color}" fill-opacity="0.7">{dots}</g>')


def _position(confidence: float, right: float) -> tuple[float, float]:
    return LEFT + SIDE * confidence, TOP + SIDE * (1 - right)
