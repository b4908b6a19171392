"""Reliability diagram: how often pixels of a confidence are right."""
from collections.abc import Mapping

from ..metrics.confidence import RIGHT_PX, Reliability
from .svg_plot import HEIGHT, Axis, Plot, colors_of

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
    plot = Plot(title, Axis('confidence', 0.0, 1.0),
                Axis(f'share of pixels right to {RIGHT_PX:g} px', 0.0, 1.0), width=HEIGHT)
    drawn, legend = [plot.line([(0.0, 0.0), (1.0, 1.0)], '#9aa1a8', '4 4')], {}
    for label, curve in curves.items():
        if curve.pixels.any():
            drawn += _curve(plot, curve, colors[label])
            legend[f'{label}: calibration error {curve.calibration_error:.3f}'] = colors[label]
    return plot.draw(drawn, legend)


def _curve(plot: Plot, curve: Reliability, color: str) -> list[str]:
    points = [(float(confidence), float(right), float(share))
              for confidence, right, share in curve.curve()]
    dots = ''.join(plot.dot(confidence, right, color, max(MIN_RADIUS, MAX_RADIUS * share ** 0.5))
                   for confidence, right, share in points)
    return [plot.line([(confidence, right) for confidence, right, _ in points], color),
            f'<g fill-opacity="0.7">{dots}</g>']
