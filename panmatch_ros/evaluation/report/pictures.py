"""Paint what the matchers made of a pair, for the report: result, error, confidence, matches."""
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from ...core.errors import ImageError
from ...core.image import to_rgb, to_uint8
from ...core.types import Correspondences
from ...data.sample import Annotation
from ...viz.comparison import PairScale, common_scale, paint, paint_error, paint_truth
from ...viz.matches import draw_matches
from ...viz.scalar import confidence_to_color
from ..metrics.points import follow
from ..prediction import Prediction
from ..score_dense import dense_truth
from ..score_sparse import matches_of

JPEG_QUALITY = 80
WITH_MATCHES = ('pose', 'homography', 'points')


@dataclass(frozen=True)
class Painted:
    """
    A picture.

    :param title: what it shows.
    :param rgb: (H, W, 3) uint8 RGB.
    """

    title: str
    rgb: np.ndarray


@dataclass(frozen=True)
class Row:
    """
    Pictures that are compared.

    :param name: what they show.
    :param legend: what the colours mean: 'disparity', 'flow', 'error', 'confidence' or '', then
        the values of the first and of the last colour.
    :param source: an image of the pair or the truth, beside them; or None.
    :param cells: one for each matcher; None where it failed.
    """

    name: str
    legend: tuple[str, float, float]
    source: Painted | None
    cells: tuple[Painted | None, ...]


@dataclass(frozen=True)
class Views:
    """
    All that is painted of a pair.

    :param name: of the pair.
    :param task: of the pair.
    :param image0: left or first image.
    :param image1: right or second image.
    :param annotation: what is known.
    :param results: by the label of the matcher, None where it failed.
    """

    name: str
    task: str
    image0: np.ndarray
    image1: np.ndarray
    annotation: Annotation
    results: Mapping[str, Prediction | None]


def paint_pair(views: Views) -> list[Row]:
    """
    Paint a pair: one column for each matcher.

    Within a pair the truth sets the colours of all results, and one scale those of all errors.

    :raises ShapeError: if the truth does not fit.
    """
    truth, results = _truth_of(views), list(views.results.values())
    found = [result.values for result in results if result is not None]
    scale = common_scale(truth, found)
    rgb0, rgb1 = (to_rgb(to_uint8(image)) for image in (views.image0, views.image1))
    words = ('left', 'right') if views.task == 'stereo' else ('first', 'second')
    sources = [Painted(f'{word} image', rgb) for word, rgb in zip(words, (rgb0, rgb1),
                                                                 strict=True)]
    kind = 'disparity' if views.task == 'stereo' else 'flow'
    rows = [(kind, (kind, scale.low_px, scale.high_px))]
    if truth is not None:
        sources.insert(0, Painted('truth', paint_truth(truth, scale)))
        rows.append(('error', ('error', 0.0, scale.error_px)))
    rows.append(('confidence', ('confidence', 0.0, 1.0)))
    painted = [Row(name, legend, source, tuple(
        None if result is None else Painted(
            f'{views.name}, {label}: {name}', _paint(result, name, truth, scale))
        for label, result in views.results.items()))
        for (name, legend), source in zip(rows, sources, strict=True)]
    if views.task in WITH_MATCHES:
        painted.append(_matches(views, rgb0, rgb1))
    return painted


def encode(rgb: np.ndarray, width: int) -> bytes:
    """
    Make a JPEG file of a picture.

    :param rgb: (H, W, 3) uint8 RGB.
    :param width: it is reduced to, pixels, if it is wider.
    :raises ImageError: if it cannot be encoded.
    """
    if rgb.shape[1] > width:
        height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
                              [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ImageError(f'cannot encode a picture of {rgb.shape}')
    return data.tobytes()


def _truth_of(views: Views) -> np.ndarray | None:
    """Give the truth; where it depends on the result, that of the first matcher."""
    first = next((result.values for result in views.results.values() if result is not None), None)
    size = views.image0.shape[:2] if views.task == 'stereo' else (*views.image0.shape[:2], 2)
    values = np.full(size, np.nan, np.float32) if first is None else first
    return dense_truth(views.task, views.annotation, values,
                       (views.image1.shape[0], views.image1.shape[1]))


def _paint(result: Prediction, name: str, truth: np.ndarray | None,
           scale: PairScale) -> np.ndarray:
    if name == 'confidence':
        return confidence_to_color(result.confidence)
    if name == 'error' and truth is not None:
        return paint_error(result.values, truth, scale)
    return paint(result.values, scale)


def _matches(views: Views, rgb0: np.ndarray, rgb1: np.ndarray) -> Row:
    """Draw what the numbers of sparse tasks are of: chosen matches, or the marked points."""
    points0, points1 = views.annotation.points0, views.annotation.points1
    source = None
    if points0 is not None and points1 is not None:
        source = Painted('marked points', draw_matches(rgb0, rgb1, _lines(points0, points1)))
    cells: list[Painted | None] = []
    for label, result in views.results.items():
        if result is None:
            cells.append(None)
            continue
        lines = (matches_of(result) if points0 is None
                 else _lines(points0, follow(points0, result.values)))
        cells.append(Painted(f'{views.name}, {label}: matches', draw_matches(rgb0, rgb1, lines)))
    return Row('matches', ('', 0.0, 0.0), source, tuple(cells))


def _lines(points0: np.ndarray, points1: np.ndarray) -> Correspondences:
    return Correspondences(points0.astype(np.float32), points1.astype(np.float32),
                           np.ones(len(points0), np.float32))
