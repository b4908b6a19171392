"""Pictures of the HTML report: what each matcher made of a pair, inside the page."""
import base64
from collections.abc import Sequence
from functools import cache
import html

import cv2
import numpy as np

from ...core.errors import ImageError
from ...viz.comparison import color_bar
from .picture_files import Picture, PictureRow

BAR_SIZE = (12, 120)
WHEEL_SIZE = (72, 72)
COLORMAPS = {'disparity': 'turbo', 'error': 'error', 'confidence': 'viridis'}


def picture_table(labels: Sequence[str], rows: Sequence[PictureRow]) -> str:
    """
    Arrange the pictures of a pair: a column for each matcher, rows for result, error, confidence.

    The first column has the truth and the images.

    :param labels: of the matchers.
    :param rows: of the pair.
    :returns: HTML; empty if there are none.
    """
    if not rows:
        return ''
    head = ''.join(f'<th>{html.escape(label)}</th>' for label in labels)
    lines = []
    for row in rows:
        source = figure(row.source, caption=True) if row.source else ''
        cells = [source, *(figure(cell) if cell else '<p class="failed">failed</p>'
                           for cell in row.cells)]
        lines.append(f'<tr><th scope="row">{html.escape(row.name)}{legend(*row.legend)}</th>'
                     + ''.join(f'<td>{cell}</td>' for cell in cells) + '</tr>')
    body = '\n'.join(lines)
    return (f'<div class="wide"><table class="pictures-table">\n<tr><th></th><th>images</th>'
            f'{head}</tr>\n{body}\n</table></div>')


def figure(picture: Picture, caption: bool = False) -> str:
    """
    Put a picture into HTML, with the data inside; a click shows it large.

    :param picture: what is shown.
    :param caption: whether the title stands below it, too.
    """
    text = html.escape(picture.title)
    below = f'<figcaption>{text}</figcaption>' if caption else ''
    return (f'<figure><img tabindex="0" src="{address("jpeg", picture.jpeg)}" alt="{text}" '
            f'title="{text}">{below}</figure>')


def legend(kind: str, low: float, high: float) -> str:
    """
    Show what the colours of a row mean.

    :param kind: see :class:`.pictures.Row`.
    :param low: value of the first colour.
    :param high: value of the last colour.
    """
    if kind == 'flow':
        return (f'<img class="wheel" src="{_colors("flow", WHEEL_SIZE)}" '
                'alt="colours of the directions">'
                f'<small>edge: {high:.1f} px,<br>darker: more</small>')
    if kind not in COLORMAPS:
        return ''
    ends = {'disparity': (f'{low:.0f}', f'{high:.0f} px'),
            'error': (f'{low:g}', f'{high:g} px and more'),
            'confidence': (f'{low:g}', f'{high:g}')}[kind]
    return (f'<img class="bar" src="{_colors(COLORMAPS[kind], BAR_SIZE)}" alt="colours">'
            f'<small class="ends"><span>{ends[0]}</span><span>{ends[1]}</span></small>')


def address(kind: str, data: bytes) -> str:
    """
    Turn a picture file into an address that holds it.

    :param kind: 'jpeg' or 'png'.
    :param data: the file.
    """
    return f'data:image/{kind};base64,{base64.b64encode(data).decode()}'


@cache
def _colors(colormap: str, size: tuple[int, int]) -> str:
    """Draw all colours of a map."""
    rgb = color_bar(colormap, size)
    done, data = cv2.imencode('.png', cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))
    if not done:
        raise ImageError(f'cannot encode the colours of {colormap}')
    return address('png', data.tobytes())
