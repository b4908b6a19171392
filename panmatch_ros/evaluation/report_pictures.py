"""Pictures of the HTML report: what each matcher made of a pair, inside the page."""
import base64
import html

import cv2
import numpy as np

from ..core.errors import ImageError
from ..core.image import to_rgb, to_uint8
from ..viz.comparison import PairScale, color_bar, common_scale, paint, paint_error, paint_truth
from ..viz.scalar import confidence_to_color
from .compare import Comparison

JPEG_QUALITY = 90
BAR_SIZE = (12, 120)
WHEEL_SIZE = (72, 72)


def picture_table(comparison: Comparison, width: int) -> str:
    """
    Arrange the pictures of a pair: a column for each matcher, rows for result, error, confidence.

    The first column has the truth and the images. Without truth there is no row of errors.

    :param comparison: the pair.
    :param width: largest width of a picture, pixels.
    :returns: HTML; empty if the images could not be read.
    """
    example = comparison.example
    if example is None:
        return ''
    truth = example.truth.values if example.truth is not None else None
    scale = common_scale(truth, [result.values for result in comparison.results.values()])
    images = [('first image', example.image0), ('second image', example.image1)]
    if example.task == 'stereo':
        images = [('left image', example.image0), ('right image', example.image1)]
    sources = [(title, to_rgb(to_uint8(image))) for title, image in images]
    rows = [('result', _legend(example.task, scale))]
    if truth is not None:
        sources.insert(0, ('truth', paint_truth(truth, scale)))
        rows.append(('error', _bar('error', '0', f'{scale.error_px:g} px and more')))
    rows.append(('confidence', _bar('viridis', '0', '1')))
    labels = [score.matcher for score in comparison.scores]
    head = ''.join(f'<th>{html.escape(label)}</th>' for label in labels)
    lines = []
    for (row, legend), source in zip(rows, sources, strict=True):
        cells = [figure(source[1], width, source[0], caption=True),
                 *(_cell(comparison, label, row, scale, width) for label in labels)]
        lines.append(f'<tr><th scope="row">{row}{legend}</th>'
                     + ''.join(f'<td>{cell}</td>' for cell in cells) + '</tr>')
    body = '\n'.join(lines)
    return (f'<div class="wide"><table class="pictures-table">\n<tr><th></th><th>images</th>'
            f'{head}</tr>\n{body}\n</table></div>')


def figure(rgb: np.ndarray, width: int, title: str, caption: bool = False) -> str:
    """
    Put a picture into HTML, with the data inside; a click shows it large.

    :param rgb: (H, W, 3) uint8 RGB.
    :param width: it is reduced to, pixels, if it is wider.
    :param title: what it shows.
    :param caption: whether the title stands below it, too.
    """
    text = html.escape(title)
    below = f'<figcaption>{text}</figcaption>' if caption else ''
    return (f'<figure><img tabindex="0" src="{embed(rgb, width)}" alt="{text}" title="{text}">'
            f'{below}</figure>')


def embed(rgb: np.ndarray, width: int, suffix: str = '.jpg') -> str:
    """
    Encode a picture as the address of an image.

    :param rgb: (H, W, 3) uint8 RGB.
    :param width: it is reduced to, pixels, if it is wider.
    :param suffix: '.jpg' or '.png'.
    :raises ImageError: if it cannot be encoded.
    """
    if rgb.shape[1] > width:
        height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == '.jpg' else []
    done, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), quality)
    if not done:
        raise ImageError(f'cannot encode a picture of {rgb.shape} as {suffix}')
    kind = 'jpeg' if suffix == '.jpg' else suffix[1:]
    return f'data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}'


def _cell(comparison: Comparison, label: str, row: str, scale: PairScale, width: int) -> str:
    """Paint what one row shows of one matcher."""
    result, example = comparison.results.get(label), comparison.example
    if result is None or example is None:
        return '<p class="failed">failed</p>'
    if row == 'confidence':
        picture = confidence_to_color(result.confidence)
    elif row == 'error' and example.truth is not None:
        picture = paint_error(result.values, example.truth.values, scale)
    else:
        picture = paint(result.values, scale)
    return figure(picture, width, f'{comparison.name}, {label}: {row}')


def _legend(task: str, scale: PairScale) -> str:
    if task == 'stereo':
        return _bar('turbo', f'{scale.low_px:.0f}', f'{scale.high_px:.0f} px')
    address = embed(color_bar('flow', WHEEL_SIZE), WHEEL_SIZE[1], '.png')
    return (f'<img class="wheel" src="{address}" alt="colours of the directions">'
            f'<small>edge: {scale.high_px:.1f} px,<br>darker: more</small>')


def _bar(colormap: str, low: str, high: str) -> str:
    address = embed(color_bar(colormap, BAR_SIZE), BAR_SIZE[1], '.png')
    return (f'<img class="bar" src="{address}" alt="colours">'
            f'<small class="ends"><span>{low}</span><span>{high}</span></small>')
