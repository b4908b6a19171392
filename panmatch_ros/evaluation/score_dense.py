"""Scores of a dense result: errors, and what the confidence knows of them."""
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.errors import ShapeError
from ..core.pixels import pixel_grid
from ..data.sample import Annotation, nearest_truth
from ..viz.comparison import error_px
from .metrics.confidence import Reliability, confidence_metrics, reliability
from .metrics.dense import BAD_THRESHOLDS_PX, Metrics, disparity_metrics, flow_metrics
from .metrics.homography import transfer
from .metrics.sparsification import Sparsification, sparsification
from .prediction import Prediction
from .score_metrics import bad_name, outliers_name, region_name


@dataclass(frozen=True)
class DenseScore:
    """
    Scores of a dense result.

    :param numbers: by the names that ``results.json`` has.
    :param reliability: pixels counted by their confidence.
    :param sparsification: curves of the confidence; None if no pixel has a result.
    """

    numbers: Mapping[str, float]
    reliability: Reliability
    sparsification: Sparsification | None


def dense_truth(task: str, annotation: Annotation, values: np.ndarray,
                size1: tuple[int, int]) -> np.ndarray | None:
    """
    Give the truth of every pixel.

    :param task: of the pair.
    :param annotation: of the pair.
    :param values: the result that it is for: (H, W) disparity, or (H, W, 2) flow, pixels.
    :param size1: (height, width) of image 1, pixels.
    :returns: of the shape of ``values``; for homographies NaN where the match is not in image 1.
        None if nobody knows it.
    :raises ShapeError: if the truth has another size.
    """
    height, width = values.shape[:2]
    if task == 'homography' and annotation.homography is not None:
        return homography_flow(annotation.homography, (height, width), size1)
    truth = {'stereo': annotation.disparity, 'flow': annotation.flow}.get(task)
    if truth is None:
        return None
    if truth.shape[:2] != (height, width):
        raise ShapeError(f'the truth has {truth.shape[1]}x{truth.shape[0]} pixels, the first '
                         f'image {width}x{height}')
    return nearest_truth(annotation, values)


def homography_flow(homography: np.ndarray, size: tuple[int, int],
                    size1: tuple[int, int]) -> np.ndarray:
    """
    Turn a homography into a displacement field.

    :param homography: (3, 3), takes pixels of image 0 to image 1.
    :param size: (height, width) of image 0, pixels.
    :param size1: the same of image 1.
    :returns: (H, W, 2) float32, pixels; NaN where the match is not in image 1.
    """
    grid = np.stack(np.broadcast_arrays(*pixel_grid(*size)), axis=-1).reshape(-1, 2)
    moved = transfer(grid, homography)
    height1, width1 = size1
    outside = ((moved < -0.5) | (moved > (width1 - 0.5, height1 - 0.5))).any(axis=1, keepdims=True)
    flow = np.where(outside, np.nan, moved - grid)
    return flow.astype(np.float32).reshape(*size, 2)


def score_dense(prediction: Prediction, truth: np.ndarray, annotation: Annotation) -> DenseScore:
    """
    Compare a dense result with the truth.

    :param prediction: disparity or flow.
    :param truth: the same, see :func:`dense_truth`.
    :param annotation: tells the regions, where they are known.
    :raises ShapeError: if they are not of one size.
    :raises ImageError: if the truth has no known pixel.
    """
    values = prediction.values
    task = 'stereo' if values.ndim == 2 else 'flow'
    measure = disparity_metrics if task == 'stereo' else flow_metrics
    numbers = _named(measure(values, truth), task)
    for region, mask in _regions(annotation, truth).items():
        part = _named(measure(values, truth, mask), task)
        for name in ('epe_px', outliers_name(task)):
            numbers[region_name(name, region)] = part[name]
    error, confidence = error_px(values, truth).ravel(), prediction.confidence.ravel()
    quality, curves = confidence_metrics(confidence, error), sparsification(confidence, error)
    numbers |= {'confidence_auroc': quality.auroc,
                'confidence_calibration_error': quality.calibration_error,
                'confidence_ause': curves.ause if curves else float('nan')}
    return DenseScore(numbers, reliability(confidence, error), curves)


def _named(metrics: Metrics, task: str) -> dict[str, float]:
    """Give every number the name it has in the benchmarks, with its unit."""
    return {'epe_px': metrics.epe_px, 'epe_pixels': metrics.epe_pixels,
            'truth_pixels': metrics.truth_pixels, 'density_percent': metrics.density_percent,
            **{bad_name(limit): share for limit, share
               in zip(BAD_THRESHOLDS_PX, metrics.bad_percent, strict=True)},
            outliers_name(task): metrics.outlier_percent}


def _regions(annotation: Annotation, truth: np.ndarray) -> dict[str, np.ndarray]:
    """
    List the regions that have any pixel of known truth.

    :raises ShapeError: if a mask is not of the size of the truth.
    """
    masks = {'noc': annotation.non_occluded}
    if annotation.foreground is not None:
        masks |= {'bg': ~annotation.foreground, 'fg': annotation.foreground}
    known = np.isfinite(truth if truth.ndim == 2 else truth.sum(axis=2))
    found = {}
    for name, mask in masks.items():
        if mask is None:
            continue
        if mask.shape != known.shape:
            raise ShapeError(f'the mask of {name} pixels is {mask.shape}, the truth {known.shape}')
        if (mask & known).any():
            found[name] = mask
    return found
