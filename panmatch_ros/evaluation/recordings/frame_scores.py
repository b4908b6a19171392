"""
Scores of one frame of a recording, with ground truth and without.

They are computed of what is published: so they are the same for a bag that is evaluated offline
and for nodes that are evaluated while they run. Which scores there are: ``frame_table.py``.
"""
from dataclasses import dataclass
import math

import numpy as np

from ...core.camera import StereoRig
from ...core.correspondence import forward_backward_error, lands_inside, left_right_error
from ...core.disparity import depth_from_disparity, disparity_from_depth, flow_from_disparity
from ...core.errors import CalibrationError, ShapeError
from ...core.image import to_gray
from ...core.occlusion import hidden_in_right
from ...core.pixels import warp
from ...core.rectification_check import check_rectification
from ..metrics.dense import BAD_THRESHOLDS_PX, disparity_metrics, flow_metrics
from ..metrics.depth import depth_metrics

CONSISTENT_PX = 1.0  # forth and back may differ so much
Scores = dict[str, float]


@dataclass(frozen=True, eq=False)
class StereoPart:
    """
    A pair and its disparity.

    :param left: rectified left image, any accepted form.
    :param right: rectified right image, same size.
    :param disparity: (H, W) float32, pixels, ``x_left - x_right``; NaN is invalid.
    :param rig: the two cameras at the size of the images; None if not calibrated.
    :param disparity_right: (H, W) float32 on the grid of the right image; None if it was not
        computed.
    """

    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray
    rig: StereoRig | None = None
    disparity_right: np.ndarray | None = None

    def __post_init__(self) -> None:
        _require_size('disparity', self.disparity, self.left)


@dataclass(frozen=True, eq=False)
class FlowPart:
    """
    Two images of a camera and the flow between them.

    :param older: first image, any accepted form.
    :param newer: second image, same size.
    :param flow: (H, W, 2) float32 on the grid of the older image, pixels; NaN is invalid.
    :param source_ns: stamp of the older image, nanoseconds.
    :param flow_back: (H, W, 2) float32 from the newer to the older image; None if it was not
        computed.
    """

    older: np.ndarray
    newer: np.ndarray
    flow: np.ndarray
    source_ns: int
    flow_back: np.ndarray | None = None

    def __post_init__(self) -> None:
        _require_size('flow', self.flow, self.older)


def stereo_scores(part: StereoPart) -> Scores:
    """Score a disparity map by its images alone."""
    disparity = part.disparity
    scores = {
        'valid_percent': _percent(np.isfinite(disparity)),
        'photometric_grey': photometric_error(part.left, part.right,
                                              flow_from_disparity(disparity),
                                              ~hidden_in_right(disparity)),
        'row_residual_px': check_rectification(part.left, part.right).residual_px}
    if part.disparity_right is not None:
        error = left_right_error(disparity, part.disparity_right)
        inside = lands_inside(flow_from_disparity(disparity), disparity.shape)
        scores['left_right_percent'] = _percent(error[inside] <= CONSISTENT_PX)
    return scores


def stereo_change(part: StereoPart, before: StereoPart, flow: FlowPart | None) -> Scores:
    """
    Tell how much the disparity changed since the frame before.

    :param part: this frame.
    :param before: the frame before, same size.
    :param flow: from the left image before to this one; None takes the camera and the scene to
        stand still.
    """
    now = part.disparity if flow is None else warp(part.disparity, flow.flow)
    if now.shape != before.disparity.shape:
        return {}
    return {'temporal_px': _median(np.abs(now - before.disparity))}


def flow_scores(part: FlowPart) -> Scores:
    """Score a flow field by its images alone."""
    flow = part.flow
    scores = {'flow_valid_percent': _percent(np.isfinite(flow).all(axis=2)),
              'flow_photometric_grey': photometric_error(part.older, part.newer, flow)}
    if part.flow_back is not None:
        error = forward_backward_error(flow, part.flow_back)
        inside = lands_inside(flow, part.newer.shape[:2])
        scores['forward_backward_percent'] = _percent(error[inside] <= CONSISTENT_PX)
    return scores


def flow_change(part: FlowPart, before: FlowPart) -> Scores:
    """Tell how much the flow of a point changed since the pair before, which ended here."""
    if part.flow.shape != before.flow.shape:
        return {}
    change = warp(part.flow, before.flow) - before.flow
    return {'flow_temporal_px': _median(np.hypot(change[..., 0], change[..., 1]))}


def disparity_truth_scores(part: StereoPart, truth: np.ndarray) -> Scores:
    """
    Compare with a disparity map.

    :param truth: (H, W) float32, pixels; NaN is unknown.
    :raises PanMatchError: if it has another size or no known pixel.
    """
    found = disparity_metrics(part.disparity, truth)
    return {'disparity_epe_px': found.epe_px,
            'disparity_bad_1_percent': found.bad_percent[BAD_THRESHOLDS_PX.index(1.0)],
            'disparity_bad_2_percent': found.bad_percent[BAD_THRESHOLDS_PX.index(2.0)],
            'disparity_d1_percent': found.outlier_percent,
            'disparity_density_percent': found.density_percent}


def depth_truth_scores(part: StereoPart, truth: np.ndarray, max_depth_m: float) -> Scores:
    """
    Compare with a depth image of the left camera.

    :param truth: (H, W) float32, metres; NaN is unknown.
    :param max_depth_m: farther truth is not counted, and results are cut there.
    :raises PanMatchError: if it has another size or no known pixel, or there is no calibration.
    """
    found = depth_metrics(depth_from_disparity(part.disparity, known_rig(part)), truth,
                          limits_m=(0.0, max_depth_m))
    return {'depth_abs_rel': found.abs_rel, 'depth_rmse_m': found.rmse_m,
            'depth_delta_1_percent': found.delta_percent[0],
            'depth_density_percent': found.density_percent}


def lidar_scores(part: StereoPart, sparse: np.ndarray, max_depth_m: float) -> Scores:
    """
    Compare with points of a laser scanner.

    :param sparse: (H, W) float32, metres, the depth of the points in the left image; NaN
        elsewhere.
    :param max_depth_m: as for :func:`depth_truth_scores`.
    :raises PanMatchError: as :func:`depth_truth_scores`.
    """
    rig = known_rig(part)
    found = depth_metrics(depth_from_disparity(part.disparity, rig), sparse,
                          limits_m=(0.0, max_depth_m))
    near = np.where(sparse < max_depth_m, sparse, np.float32(np.nan))
    disparity = disparity_metrics(part.disparity, disparity_from_depth(near, rig))
    return {'lidar_abs_rel': found.abs_rel, 'lidar_rmse_m': found.rmse_m,
            'lidar_delta_1_percent': found.delta_percent[0],
            'lidar_density_percent': found.density_percent,
            'lidar_epe_px': disparity.epe_px, 'lidar_points': float(found.truth_pixels)}


def flow_truth_scores(part: FlowPart, truth: np.ndarray) -> Scores:
    """
    Compare with a flow field.

    :param truth: (H, W, 2) float32, pixels; NaN is unknown.
    :raises PanMatchError: if it has another size or no known pixel.
    """
    found = flow_metrics(part.flow, truth)
    return {'flow_epe_px': found.epe_px,
            'flow_bad_1_percent': found.bad_percent[BAD_THRESHOLDS_PX.index(1.0)],
            'flow_bad_3_percent': found.bad_percent[BAD_THRESHOLDS_PX.index(3.0)],
            'flow_fl_percent': found.outlier_percent,
            'flow_density_percent': found.density_percent}


def photometric_error(image0: np.ndarray, image1: np.ndarray, flow: np.ndarray,
                      visible: np.ndarray | None = None) -> float:
    """
    Mean absolute difference of image 0 and image 1 brought onto its grid.

    :param image0: first image, any accepted form.
    :param image1: second image.
    :param flow: (H, W, 2) float32 from image 0 to image 1, pixels; NaN is invalid.
    :param visible: (H, W) bool, pixels of image 0 that image 1 shows; all if not given.
    :returns: grey levels of 255, over the visible pixels whose match lies in image 1; NaN if
        there are none.
    """
    difference = np.abs(warp(to_gray(image1), flow) - to_gray(image0).astype(np.float32))
    known = np.isfinite(difference)
    if visible is not None:
        known &= visible
    return float(difference[known].mean(dtype=np.float64)) if known.any() else math.nan


def known_rig(part: StereoPart) -> StereoRig:
    """
    Give the cameras of a pair.

    :raises CalibrationError: if it is not calibrated.
    """
    if part.rig is None:
        raise CalibrationError('depth needs the calibration of both cameras')
    return part.rig


def _require_size(name: str, values: np.ndarray, image: np.ndarray) -> None:
    if values.shape[:2] != image.shape[:2]:
        raise ShapeError(f'the {name} has {values.shape[1]}x{values.shape[0]} pixels, the image '
                         f'{image.shape[1]}x{image.shape[0]}')


def _percent(mask: np.ndarray) -> float:
    return 100.0 * int(np.count_nonzero(mask)) / mask.size if mask.size else math.nan


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan
