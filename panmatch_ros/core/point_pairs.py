"""
Points that pixels show, before and after: what disparities and flow of two frames tell.

A pixel of one grid has a partner in the other frame, by the flow; both have a disparity, so both
are points. Nothing is interpolated across the edge of a surface, and what is hidden in one of
the frames has no partner.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from .camera import StereoRig
from .disparity import depth_from_disparity, points_from_depth, require_camera_size
from .errors import ConfigError
from .flow_inversion import invert_flow, visible_in_other
from .pixels import pixel_grid
from .rigid_residual import Noise
from .surface_sampling import EDGE_PX, Surfaces, nearest_pixels, sample_surface
from .types import Disparity, Displacement, require


@dataclass(frozen=True)
class SceneFlowConfig:
    """
    What matches are used, and what counts as moving.

    :param min_confidence: a match less confident, of either disparity or the flow, is not used.
    :param edge_px: neighbours whose disparity differs by this or more are on different surfaces.
    :param disparity_sigma_px: standard deviation of a disparity, pixels.
    :param flow_sigma_px: standard deviation of each component of the flow, pixels.
    :param moving_sigmas: a point moves if it is farther from where a rest would be, in standard
        deviations, ...
    :param min_speed_mps: ... and faster than this, metres per second.
    :param max_speed_mps: what is faster is a wrong match and unknown, metres per second.
    :raises ConfigError: if a value cannot work.
    """

    min_confidence: float = 0.2
    edge_px: float = EDGE_PX
    disparity_sigma_px: float = 0.25
    flow_sigma_px: float = 0.25
    moving_sigmas: float = 4.0
    min_speed_mps: float = 0.1
    max_speed_mps: float = np.inf

    def __post_init__(self) -> None:
        for name in ('edge_px', 'disparity_sigma_px', 'flow_sigma_px', 'moving_sigmas',
                     'max_speed_mps'):
            if not getattr(self, name) > 0:
                raise ConfigError(f'{name} must be positive, got {getattr(self, name)}')
        if not self.min_speed_mps >= 0:
            raise ConfigError(f'min_speed_mps must not be negative, got {self.min_speed_mps}')
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f'min_confidence must be from 0 to 1, got {self.min_confidence}')

    @property
    def noise(self) -> Noise:
        """Noise of the matching."""
        return Noise(self.disparity_sigma_px, self.flow_sigma_px)


@dataclass(frozen=True)
class PointPairs:
    """
    Points before and after, on the grid of one of the two left images.

    :param points0: (H, W, 3) float32, metres, in the frame of the older left camera; NaN where
        unknown.
    :param points1: (H, W, 3) float32, metres, the same points in the frame of the newer left
        camera; NaN where unknown.
    :param confidence: (H, W) float32 in [0, 1], the least of both disparities and the flow; 0
        where one of the points is unknown.
    :raises ShapeError: if shapes or dtypes differ from that.
    """

    points0: np.ndarray
    points1: np.ndarray
    confidence: np.ndarray

    def __post_init__(self) -> None:
        require(self.points0, 'points0', np.float32, (None, None, 3))
        require(self.points1, 'points1', np.float32, self.points0.shape)
        require(self.confidence, 'confidence', np.float32, self.points0.shape[:2])

    @property
    def valid(self) -> np.ndarray:
        """(H, W) bool, where both points are known."""
        return np.isfinite(self.points0[..., 2]) & np.isfinite(self.points1[..., 2])


def points_on_older_grid(disparity0: Disparity, disparity1: Disparity, flow01: Displacement,
                         rig: StereoRig, config: SceneFlowConfig | None = None) -> PointPairs:
    """
    Find the points of the pixels of the older left image, before and after.

    :param disparity0: of the older pair. From depth: see ``disparity_from_depth``.
    :param disparity1: of the newer pair.
    :param flow01: of the left images, older to newer, on the grid of the older one.
    :param rig: that took both pairs.
    :param config: options; the defaults if not given.
    :returns: pairs on the grid of the older image; ``points1`` is unknown where the pixel is
        hidden or outside in the newer one.
    :raises ShapeError: if the sizes differ.
    """
    config = config or SceneFlowConfig()
    flow = _visible(_masked(flow01, (disparity0, disparity1), rig, config), disparity0, config)
    return PointPairs(*_both_ends(disparity0, disparity1, flow, rig, config))


def points_on_newer_grid(disparity0: Disparity, disparity1: Disparity, flow10: Displacement,
                         rig: StereoRig, config: SceneFlowConfig | None = None) -> PointPairs:
    """
    Find the points of the pixels of the newer left image, before and after.

    :param disparity0: of the older pair. From depth: see ``disparity_from_depth``.
    :param disparity1: of the newer pair.
    :param flow10: of the left images, newer to older, on the grid of the newer one.
    :param rig: that took both pairs.
    :param config: options; the defaults if not given.
    :returns: pairs on the grid of the newer image; ``points0`` is unknown where the pixel was
        hidden or outside in the older one.
    :raises ShapeError: if the sizes differ.
    """
    config = config or SceneFlowConfig()
    flow = _visible(_masked(flow10, (disparity0, disparity1), rig, config), disparity1, config)
    points1, points0, confidence = _both_ends(disparity1, disparity0, flow, rig, config)
    return PointPairs(points0, points1, confidence)


def points_by_forward_flow(disparity0: Disparity, disparity1: Disparity, flow01: Displacement,
                           rig: StereoRig, config: SceneFlowConfig | None = None) -> PointPairs:
    """
    Find the points of the pixels of the newer left image by the flow of the older one.

    As :func:`points_on_newer_grid` with the inverse of the flow; nothing is filled.

    :param disparity0: of the older pair.
    :param disparity1: of the newer pair.
    :param flow01: of the left images, older to newer, on the grid of the older one.
    :param rig: that took both pairs.
    :param config: options; the defaults if not given.
    :returns: pairs on the grid of the newer image; ``points0`` is unknown where no sure pixel
        of the older image came to.
    :raises ShapeError: if the sizes differ.
    """
    config = config or SceneFlowConfig()
    flow01 = _masked(flow01, (disparity0, disparity1), rig, config)
    own = _sure(disparity0.disparity, disparity0.confidence, config)
    flow10 = invert_flow(flow01, own, config.edge_px)
    points1, points0, confidence = _both_ends(disparity1, disparity0, flow10, rig, config)
    return PointPairs(points0, points1, confidence)


def _both_ends(here: Disparity, there: Disparity, flow: Displacement, rig: StereoRig,
               config: SceneFlowConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Find the points of the pixels of one image, their partners in the other, and the confidence.

    :param flow: from here to there; masked, and hidden pixels too.
    """
    u, v = cv2.split(flow.flow)
    grid_x, grid_y = pixel_grid(*u.shape)
    x, y = grid_x + u, grid_y + v
    own = _sure(here.disparity, here.confidence, config)
    partner = sample_surface(_sure(there.disparity, there.confidence, config), x, y,
                             config.edge_px)
    # Beside an edge the pixel of one image may show its other side: what is one surface in one
    # image then is two in the other.
    torn = Surfaces.of(own, edge_px=config.edge_px).torn(partner, config.edge_px)
    torn |= Surfaces.of(partner, u, v, edge_px=config.edge_px).torn(own, config.edge_px)
    partner[torn] = np.nan
    own_depth = depth_from_disparity(own, rig, out=own)
    depth = depth_from_disparity(partner, rig, out=partner)
    slope_x, slope_y = np.float32(1 / rig.left.fx), np.float32(1 / rig.left.fy)
    points = cv2.merge([(x - np.float32(rig.left.cx)) * slope_x * depth,
                        (y - np.float32(rig.left.cy)) * slope_y * depth, depth])
    index, _ = nearest_pixels(x, y, (rig.left.height, rig.left.width))
    confidence = np.minimum(here.confidence, flow.confidence)
    np.minimum(confidence, np.take(there.confidence, index), out=confidence)
    confidence *= np.isfinite(own_depth + depth)
    return points_from_depth(own_depth, rig.left), points, confidence


def _masked(flow: Displacement, disparities: tuple[Disparity, Disparity], rig: StereoRig,
            config: SceneFlowConfig) -> Displacement:
    """Check sizes and leave out what is not sure."""
    for image in (flow.flow, *(each.disparity for each in disparities)):
        require_camera_size(image, rig.left)
    return Displacement(_sure(flow.flow, flow.confidence, config), flow.confidence)


def _visible(flow: Displacement, here: Disparity, config: SceneFlowConfig) -> Displacement:
    """Leave out what is hidden or outside in the other image."""
    own = _sure(here.disparity, here.confidence, config)
    flow.flow[~visible_in_other(flow, own, config.edge_px)] = np.nan
    return flow


def _sure(values: np.ndarray, confidence: np.ndarray, config: SceneFlowConfig) -> np.ndarray:
    """Copy, with NaN where the confidence is below the threshold."""
    sure = values.copy()
    sure[confidence < config.min_confidence] = np.nan
    return sure
