"""Consistency of two opposite displacement fields, and sparse matches from a dense one."""
import cv2
import numpy as np

from .errors import ShapeError
from .pixels import pixel_grid, warp
from .types import Correspondences, Displacement


def forward_backward_error(flow01: np.ndarray, flow10: np.ndarray) -> np.ndarray:
    """
    Distance that a point misses its start after going forth and back.

    ``e(p) = |flow01(p) + flow10(p + flow01(p))|``, zero where the two fields agree.

    :param flow01: (H, W, 2) float32, image 0 to image 1, pixels; NaN is invalid.
    :param flow10: (H, W, 2) float32, image 1 to image 0, pixels; NaN is invalid.
    :returns: (H, W) float32, pixels; NaN where a flow is invalid or leaves the image.
    :raises ShapeError: if the shapes are not (H, W, 2).
    """
    for name, flow in (('flow01', flow01), ('flow10', flow10)):
        if flow.ndim != 3 or flow.shape[2] != 2:
            raise ShapeError(f'{name} must be (H, W, 2), got {flow.shape}')
    difference = flow01 + warp(flow10, flow01)
    return np.hypot(difference[..., 0], difference[..., 1])


def left_right_error(disparity_left: np.ndarray, disparity_right: np.ndarray) -> np.ndarray:
    """
    Difference of the disparities that the two images of a pair give one point.

    :param disparity_left: (H, W) float32 on the left grid, pixels; NaN is invalid.
    :param disparity_right: (H, W) float32 on the right grid, pixels; NaN is invalid. Both are
        ``x_left - x_right >= 0``.
    :returns: (H, W) float32 on the left grid, pixels; NaN where one is invalid or the point
        leaves the right image.
    :raises ShapeError: if the shapes are not equal and (H, W).
    """
    if disparity_left.ndim != 2 or disparity_left.shape != disparity_right.shape:
        raise ShapeError('both disparities must be (H, W) of one size, got '
                         f'{disparity_left.shape} and {disparity_right.shape}')
    height, width = disparity_left.shape
    grid_x, grid_y = pixel_grid(height, width)
    x_right = np.rint(grid_x - disparity_left)
    inside = (x_right >= 0) & (x_right <= width - 1)  # False for NaN
    column = np.where(inside, x_right, 0).astype(np.intp)
    matched = disparity_right[grid_y.astype(np.intp), column]
    return np.where(inside, np.abs(disparity_left - matched), np.float32(np.nan))


def confidence_from_error(error_px: np.ndarray, scale_px: float = 1.0) -> np.ndarray:
    """
    Turn a consistency error into a confidence: ``exp(-(e / scale)^2 / 2)``, 0 for NaN.

    :param error_px: (H, W) float32, pixels, >= 0; NaN means no partner (occluded).
    :param scale_px: error at which the confidence is 0.61.
    :returns: (H, W) float32 in [0, 1].
    """
    scaled = np.nan_to_num(error_px / np.float32(scale_px), nan=np.inf)
    with np.errstate(over='ignore'):
        return np.exp(np.float32(-0.5) * scaled * scaled).astype(np.float32)


def tanh_confidence_from_error(error_px: np.ndarray, slope_per_px: float = 0.5) -> np.ndarray:
    """
    Turn a consistency error into a confidence as PanMatch does: ``1 - tanh(c e)``, 0 for NaN.

    It falls from the first fraction of a pixel on and has a long tail, where
    :func:`confidence_from_error` is flat near zero and ends after three scales. To weigh the
    confidence of a network, multiply the two.

    :param error_px: (H, W) float32, pixels, >= 0; NaN means no partner (occluded).
    :param slope_per_px: ``c``; PanMatch takes 0.5 for pictures and 0.1 for poses.
    :returns: (H, W) float32 in [0, 1].
    """
    scaled = np.nan_to_num(error_px * np.float32(slope_per_px), nan=np.inf, posinf=np.inf)
    return (np.float32(1) - np.tanh(scaled)).astype(np.float32)


def lands_inside(flow: np.ndarray, size1: tuple[int, int]) -> np.ndarray:
    """
    Say for each pixel whether its match is in image 1.

    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :param size1: (height, width) of image 1, which need not be that of the flow, pixels.
    :returns: (H, W) bool; False where the flow is invalid.
    """
    grid_x, grid_y = pixel_grid(*flow.shape[:2])
    x, y = grid_x + flow[..., 0], grid_y + flow[..., 1]
    height, width = size1
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def confident_share(displacement: Displacement, min_confidence: float) -> float:
    """
    Share of the pixels of image 0 whose match is known and confident.

    :param displacement: dense field.
    :param min_confidence: pixels below are not counted, nor are those of confidence 0.
    :returns: from 0 to 1.
    """
    confidence = displacement.confidence
    sure = (confidence > 0) & (confidence >= min_confidence) & displacement.valid
    return float(sure.mean()) if sure.size else 0.0


def correspondences_from_displacement(displacement: Displacement, *,
                                      min_confidence: float = 0.5,
                                      max_matches: int = 2000,
                                      cell_px: int = 0) -> Correspondences:
    """
    Choose sparse matches from a dense field: the most confident pixel of each grid cell.

    A grid spreads the matches over the image, where taking the most confident pixels overall
    would crowd them on one textured object. Of equally confident pixels the one nearest the
    centre of its cell is taken.

    :param displacement: dense field.
    :param min_confidence: pixels below are not used.
    :param max_matches: upper limit; the best ones are kept.
    :param cell_px: edge of a cell, pixels; 0 chooses it so that about ``max_matches`` cells
        cover the image.
    :returns: matches whose points lie in image 0 and, by the field, anywhere; best first.
    """
    height, width = displacement.confidence.shape
    if max_matches <= 0:
        return _gather(displacement, np.empty(0, np.intp), np.empty(0, np.intp))
    if cell_px <= 0:
        cell_px = max(1, int(np.ceil(np.sqrt(height * width / max_matches))))
    score = np.where(displacement.valid, displacement.confidence, np.float32(-1))
    rows, columns = _best_of_cells(score, cell_px)
    usable = score[rows, columns] >= max(min_confidence, 0.0)
    rows, columns = rows[usable], columns[usable]
    order = np.argsort(-score[rows, columns], kind='stable')[:max_matches]
    return _gather(displacement, rows[order], columns[order])


def _best_of_cells(score: np.ndarray, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the best pixel of every cell; ties go to the pixel nearest the centre."""
    height, width = score.shape
    rows, columns = -(-height // cell), -(-width // cell)
    padded = cv2.copyMakeBorder(score, 0, rows * cell - height, 0, columns * cell - width,
                                cv2.BORDER_CONSTANT, value=-2.0)
    offset = np.abs(np.arange(cell) - (cell - 1) / 2)
    ranked = np.argsort((offset[:, None] + offset[None, :]).ravel(), kind='stable')
    cells = padded.reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3)
    best = ranked[cells.reshape(rows, columns, cell * cell)[..., ranked].argmax(axis=-1)]
    row = (np.arange(rows)[:, None] * cell + best // cell).ravel()
    column = (np.arange(columns)[None, :] * cell + best % cell).ravel()
    inside = (row < height) & (column < width)
    return row[inside], column[inside]


def _gather(displacement: Displacement, rows: np.ndarray, columns: np.ndarray) -> Correspondences:
    points0 = np.stack([columns, rows], axis=-1).astype(np.float32)
    return Correspondences(points0, points0 + displacement.flow[rows, columns],
                           displacement.confidence[rows, columns])
