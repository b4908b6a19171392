"""
How far a stereo pair is from being rectified: what of its matches lies across the rows.

In a rectified pair a point has the same y in both images, whatever its depth. Here ``v`` is
``y_right - y_left``, in pixels; positive where the right image shows the point lower. What of it
is common to the image tells what is wrong::

    v = a + b * Y + c * X + d * X * Y

X and Y run from -1 to 1 over the image. To first order in small angles and independent of depth,
a right camera that looks up or down gives ``a``, another focal length ``b``, one that is turned
about its axis ``c`` and one that is turned to the side ``d``. Looking down also gives a term in
``Y * Y``, but that is small beside its own ``a``. Height and advance of the right camera give
terms that are proportional to the disparity; they are in ``residual_px``, but are not told apart.
"""
from dataclasses import dataclass

import numpy as np

from .errors import ConfigError, ShapeError
from .types import Correspondences, Displacement

MAX_RESIDUAL_PX = 1.0   # beyond it stereo matchers along rows get worse
BEYOND_PX = 1.0
CELLS = 4               # rows and columns of cells, to tell how the matches are spread
MIN_IN_CELL = 0.005     # share of the matches from which on a cell counts
MIN_MATCHES = 12        # and
MIN_CELLS = 4           # are enough for an offset
MODEL_MATCHES = 24      # and
MODEL_CELLS = 6         # are enough for the whole model
MAX_PIXELS = 20_000     # of a dense field that are looked at
MAX_FITTED = 2000
FIT_STEPS = 20
CAUCHY = 2.385          # 95 % efficiency with normal errors
SMALLEST_SCALE_PX = 0.05
RIDGE = 1e-4            # holds what the matches leave open at zero
SMALL_PART = 0.3        # of the largest part: others are not worth a word


@dataclass(frozen=True)
class RowModel:
    """
    What of ``v`` is common to the image.

    :param shift_px: ``v`` in the image centre; > 0: the right image is lower.
    :param rotation_deg: > 0: the right image is turned clockwise.
    :param scale_percent: > 0: the right image is larger.
    :param keystone_px: what it adds to ``v`` in the lower right corner, and takes away in the
        lower left one: the right camera is turned to the side, or the lenses distort.
    """

    shift_px: float
    rotation_deg: float
    scale_percent: float
    keystone_px: float


@dataclass(frozen=True)
class RectificationReport:
    """
    How far a pair is from being rectified; ``v = y_right - y_left`` of its matches.

    :param residual_px: median of ``|v|``, pixels; NaN without matches.
    :param offset_px: median of ``v``, pixels; > 0: the right image is lower.
    :param beyond_share: share of the matches with ``|v|`` beyond 1 px, 0 to 1.
    :param unexplained_px: median of what the model leaves of ``|v|``, pixels.
    :param matches: number of matches (or pixels) that this is computed from.
    :param enough: whether these are so many, and so spread, that the rest means something.
    :param model: what is common to the image, of few matches only the shift; None if they are
        not enough.
    :param verdict: what is wrong, for the user; empty if nothing is known to be.
    :param is_swapped: whether that is that left and right are exchanged.
    """

    residual_px: float
    offset_px: float
    beyond_share: float
    unexplained_px: float
    matches: int
    enough: bool
    model: RowModel | None
    verdict: str
    is_swapped: bool = False

    @property
    def summary(self) -> str:
        """A few words for a table of diagnostics."""
        if not self.enough:
            return f'unknown: {self.matches} matches are too few or too close together'
        return f'{self.residual_px:.2f} px (median of {self.matches} matches)'


def report_of_field(displacement: Displacement, *, min_confidence: float = 0.5,
                    limit_px: float = MAX_RESIDUAL_PX) -> RectificationReport:
    """
    Tell from a dense field how far a pair is from being rectified.

    :param displacement: left to right, of a matcher that searches in both directions: one
        that searches along the rows finds nothing across them.
    :param min_confidence: pixels below are not used.
    :param limit_px: median of ``|v|`` beyond which there is a verdict, pixels.
    :raises ConfigError: if ``limit_px`` is not a positive number.
    """
    height, width = displacement.confidence.shape
    step = max(1, int(np.ceil(np.sqrt(height * width / MAX_PIXELS))))
    y, x = np.mgrid[step // 2:height:step, step // 2:width:step]
    flow, confidence = displacement.flow[y, x], displacement.confidence[y, x]
    usable = np.isfinite(flow).all(axis=-1) & (confidence >= min_confidence)
    points = np.stack([x[usable], y[usable]], axis=-1).astype(np.float64)
    return _report(points, flow[usable].astype(np.float64), (height, width), limit_px)


def report_of_matches(matches: Correspondences, size: tuple[int, int], *,
                      limit_px: float = MAX_RESIDUAL_PX) -> RectificationReport:
    """
    Tell from sparse matches how far a pair is from being rectified.

    :param matches: image 0 is the left one; those that are not finite are not used.
    :param size: (height, width) of the images, pixels.
    :param limit_px: median of ``|v|`` beyond which there is a verdict, pixels.
    :raises ConfigError: if ``limit_px`` is not a positive number.
    :raises ShapeError: if the size is not positive.
    """
    if min(size) <= 0:
        raise ShapeError(f'size must be a positive height and width, got {size}')
    points = matches.points0.astype(np.float64)
    flow = matches.points1 - points
    usable = np.isfinite(flow).all(axis=-1)
    return _report(points[usable], flow[usable], size, limit_px)


def _report(points: np.ndarray, flow: np.ndarray, size: tuple[int, int],
            limit_px: float) -> RectificationReport:
    if not 0 < limit_px < np.inf:
        raise ConfigError(f'limit_px must be a positive number, got {limit_px}')
    count, v = len(points), flow[:, 1]
    if count == 0:
        return RectificationReport(np.nan, np.nan, np.nan, np.nan, 0, False, None, '')
    residual, offset = float(np.median(np.abs(v))), float(np.median(v))
    beyond = float(np.mean(np.abs(v) > BEYOND_PX))
    cells = _occupied_cells(points, size)
    if count < MIN_MATCHES or cells < MIN_CELLS:
        return RectificationReport(residual, offset, beyond, np.nan, count, False, None, '')
    terms = _terms(points, flow, size)
    if count < MODEL_MATCHES or cells < MODEL_CELLS:
        terms[:, 1:] = 0
    parts = _fit(terms, v)
    unexplained = float(np.median(np.abs(v - terms @ parts)))
    shift, scale, rotation, keystone = parts.tolist()
    model = RowModel(shift, float(np.degrees(np.arctan2(rotation, size[1] / 2))),
                     100 * scale / (size[0] / 2), keystone)
    verdict = ''
    if residual > limit_px:
        effects = np.percentile(np.abs(terms * parts), 90, axis=0)
        verdict = _verdict(model, effects, residual, unexplained)
    return RectificationReport(residual, offset, beyond, unexplained, count, True, model,
                               verdict)


def _occupied_cells(points: np.ndarray, size: tuple[int, int]) -> int:
    cell = np.floor(CELLS * (points + 0.5) / (size[1], size[0])).astype(int).clip(0, CELLS - 1)
    counts = np.bincount(CELLS * cell[:, 1] + cell[:, 0], minlength=CELLS ** 2)
    return int(np.count_nonzero(counts >= max(1, MIN_IN_CELL * len(points))))


def _terms(points: np.ndarray, flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    (N, 4) terms 1, Y, X, X * Y of the model.

    X is between the two places of a match: so a turn of either camera counts the same.
    """
    height, width = size
    x = (points[:, 0] + flow[:, 0] / 2 - (width - 1) / 2) / (width / 2)
    y = (points[:, 1] - (height - 1) / 2) / (height / 2)
    return np.stack([np.ones(len(x)), y, x, x * y], axis=-1)


def _fit(terms: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(4,) factors of the terms, pixels: least squares with Cauchy weights."""
    step = -(-len(v) // MAX_FITTED)
    terms, v = terms[::step], v[::step]
    parts = np.array([np.median(v), 0.0, 0.0, 0.0])
    ridge = RIDGE * len(v) * np.diag([0, 1, 1, 1])
    for _ in range(FIT_STEPS):
        left = v - terms @ parts
        scale = max(1.4826 * float(np.median(np.abs(left))), SMALLEST_SCALE_PX)
        weighted = terms / (1 + (left / (CAUCHY * scale)) ** 2)[:, None]
        parts = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ v)
    return parts


def _verdict(model: RowModel, effects: np.ndarray, residual: float, unexplained: float) -> str:
    """
    Name the largest parts of the model.

    :param effects: (4,) what its terms come to at the matches, pixels.
    """
    if unexplained > residual / 2:
        return (f'the rows of the two images differ by {residual:.1f} px, here so and there so: '
                'the pair is not rectified, not taken at one time, or badly matched')
    texts = (
        f'{abs(model.shift_px):.1f} px {"lower" if model.shift_px > 0 else "higher"}',
        f'{abs(model.scale_percent):.1f} % {"larger" if model.scale_percent > 0 else "smaller"}',
        f'turned {abs(model.rotation_deg):.2f} degrees '
        f'{"clockwise" if model.rotation_deg > 0 else "counter-clockwise"}',
        f'bent by {effects[3]:.1f} px (turned to the side, or lens distortion)',
    )
    named = [texts[index] for index in np.argsort(-effects)
             if effects[index] >= SMALL_PART * effects.max()]
    return f'the right image is {" and ".join(named)}: the pair is not rectified'
