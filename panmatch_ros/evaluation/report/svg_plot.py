"""Frame, grid and legend that the diagrams of the report share, as SVG."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import html
import math

COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#444444')
WIDTH, HEIGHT = 300, 220          # of the frame, unless a plot says another size
LEFT, TOP, BELOW, RIGHT = 58, 30, 46, 18
LINE = 18                         # of the legend
RADIUS = 5.0                      # of a dot
LOG_FROM = 8.0                    # ratio of the values from which an axis is logarithmic
TICKS = 5
LABEL_HEIGHT, LABEL_WIDTH = 24, 44  # room that the number beside a tick takes
NO_LEGEND: Mapping[str, str] = {}


@dataclass(frozen=True)
class Axis:
    """
    One axis.

    :param title: what it shows, with the unit.
    :param low: value at its start.
    :param high: value at its end.
    :param is_log: whether equal distances are equal ratios.
    """

    title: str
    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Tell how far along the axis a value is, 0 to 1."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = TICKS) -> list[float]:
        """
        List round values along the axis.

        :param most: about so many of them have room.
        """
        if self.is_log:
            return self._powers((1, 2, 5) if 3 * self._decades() <= most + 2 else (1,))
        step = round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [step * index for index in range(first, last + 1)]

    def _decades(self) -> float:
        return math.log10(self.high / self.low)

    def _powers(self, steps: Sequence[int]) -> list[float]:
        """List these multiples of the powers of ten."""
        return [value for power in range(math.floor(math.log10(self.low)),
                                         math.ceil(math.log10(self.high)) + 1)
                for value in (10.0 ** power * step for step in steps)
                if self.low <= value <= self.high]


def axis_from_zero(title: str, values: Sequence[float]) -> Axis:
    """Make an axis that begins at zero and holds all values."""
    return Axis(title, 0.0, 1.08 * max([*values, 0.0]) or 1.0)


def axis_around(title: str, values: Sequence[float]) -> Axis:
    """Make an axis for values above zero: logarithmic if they differ much, else from zero."""
    low, high = min(values), max(values)
    if low <= 0 or high < LOG_FROM * low:
        return axis_from_zero(title, values)
    return Axis(title, low / 1.4, high * 1.4, True)


def round_step(step: float) -> float:
    """Give the smallest of 1, 2, 5, 10, 20 ... that is not below, or the same with fractions."""
    power = 10.0 ** math.floor(math.log10(step))
    return next((power * factor for factor in (1.0, 2.0, 5.0) if power * factor >= step),
                10 * power)


@dataclass(frozen=True)
class Plot:
    """
    A diagram.

    :param title: above it.
    :param x: to the right.
    :param y: upwards.
    :param width: of the frame.
    :param height: of the frame.
    """

    title: str
    x: Axis
    y: Axis
    width: int = WIDTH
    height: int = HEIGHT

    def position(self, x: float, y: float) -> tuple[float, float]:
        """Tell where on the picture a point is."""
        return LEFT + self.width * self.x.share(x), TOP + self.height * (1 - self.y.share(y))

    def line(self, points: Sequence[tuple[float, float]], color: str, dashes: str = '') -> str:
        """Draw a line through points."""
        path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in (self.position(*each) for each in points))
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ''
        return (f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.6"'
                f'{dashed}/>')

    def dot(self, x: float, y: float, color: str, radius: float = RADIUS) -> str:
        """Draw a dot."""
        left, top = self.position(x, y)
        return f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{radius:.3g}" fill="{color}"/>'

    def draw(self, content: Sequence[str], legend: Mapping[str, str] = NO_LEGEND) -> str:
        """
        Put the picture together.

        :param content: what is drawn, SVG.
        :param legend: colour by text, below the diagram.
        """
        width = LEFT + self.width + RIGHT
        bottom = TOP + self.height + BELOW
        height = bottom + LINE * len(legend)
        lines = []
        for index, (text, color) in enumerate(legend.items()):
            y = bottom + LINE * index + 6
            lines.append(f'<circle cx="{LEFT}" cy="{y}" r="{RADIUS:g}" fill="{color}"/>'
                         f'<text x="{LEFT + 12}" y="{y + 4}">{html.escape(text)}</text>')
        body = '\n'.join([self._frame(), *content, *lines])
        return (f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" width="{width}" '
                f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
                f'aria-label="{html.escape(self.title)}">\n{body}\n</svg>')

    def _frame(self) -> str:
        right, bottom = LEFT + self.width, TOP + self.height
        parts = []
        for value in self.x.ticks(min(TICKS, self.width // LABEL_WIDTH)):
            x = LEFT + self.width * self.x.share(value)
            parts.append(f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#e3e6e9"/>'
                         f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">'
                         f'{value:g}</text>')
        for value in self.y.ticks(min(TICKS, self.height // LABEL_HEIGHT)):
            y = TOP + self.height * (1 - self.y.share(value))
            parts.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#e3e6e9"/>'
                         f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                         f'{value:.6g}</text>')
        middle_x, middle_y = LEFT + self.width / 2, TOP + self.height / 2
        parts.append(
            f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#9aa1a8"/>'
            f'<text x="{middle_x}" y="{TOP - 12}" text-anchor="middle" font-weight="600">'
            f'{html.escape(self.title)}</text>'
            f'<text x="{middle_x}" y="{bottom + 31}" text-anchor="middle">'
            f'{html.escape(self.x.title)}</text>'
            f'<text transform="translate(13 {middle_y}) rotate(-90)" text-anchor="middle">'
            f'{html.escape(self.y.title)}</text>')
        return '\n'.join(parts)


def colors_of(labels: Sequence[str]) -> dict[str, str]:
    """Give each matcher its colour, the same in all diagrams."""
    return {label: COLORS[index % len(COLORS)] for index, label in enumerate(labels)}
