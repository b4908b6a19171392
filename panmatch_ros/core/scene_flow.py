"""
Where points are and how fast they move: scene flow of a stereo camera.

Frame 0 is the older one, frame 1 the newer one. The velocity of a point is how far it moved,
``points1 - points0``, over the time between the frames. What is published has the grid, the
stamp and the frame of the newer left image: a robot asks for the present.

    pairs = points_by_forward_flow(disparity0, disparity1, flow01, rig)
    scene = scene_flow(pairs, rig, dt_s, T_1_0)

A flow that was matched from newer to older need not be inverted: ``points_on_newer_grid``.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from .camera import StereoRig
from .disparity import require_camera_size
from .errors import ConfigError
from .point_pairs import (
    PointPairs,
    SceneFlowConfig,
    points_by_forward_flow,
    points_on_newer_grid,
    points_on_older_grid,
)
from .rigid_motion import require_rigid
from .rigid_residual import displacement_sigma, move_points, rigid_residual

__all__ = [
    'PointPairs', 'SceneFlow', 'SceneFlowConfig', 'points_by_forward_flow',
    'points_on_newer_grid', 'points_on_older_grid', 'scene_flow',
]


@dataclass(frozen=True)
class SceneFlow:
    """
    Points of the newer frame and their velocities, on the grid of the pairs they come from.

    :param points: (H, W, 3) float32, metres, in the frame of the newer left camera; NaN where
        unknown. Known also for some points whose velocity is not: they came into view.
    :param velocity: (H, W, 3) float32, metres per second, along the axes of the newer left
        camera; NaN where unknown. Of the point in the world if ``compensated``, else relative
        to the camera, whose turning moves points too.
    :param velocity_sigma: (H, W, 3) float32, metres per second, standard deviation of the
        velocity along each axis that follows from the noise of the matching; NaN where unknown.
    :param moving: (H, W) bool, True where a point surely moves in the world; False elsewhere,
        also where unknown. None if not ``compensated``.
    :param confidence: (H, W) float32 in [0, 1], of the pairs; 0 where the velocity is unknown.
    :param compensated: whether the motion of the camera is taken out.
    """

    points: np.ndarray
    velocity: np.ndarray
    velocity_sigma: np.ndarray
    moving: np.ndarray | None
    confidence: np.ndarray
    compensated: bool

    @property
    def valid(self) -> np.ndarray:
        """(H, W) bool, where the velocity is known."""
        return np.isfinite(self.velocity[..., 2])

    @property
    def velocity_or_rest(self) -> np.ndarray:
        """
        (H, W, 3) float32, m/s: the velocity of what surely moves, 0 for all else that is known.

        The noise of the depth alone makes resting points seem to move; here they rest. The
        velocity itself if not ``compensated``.
        """
        if self.moving is None:
            return self.velocity
        rest = self.velocity * np.float32(0)  # NaN stays NaN
        np.copyto(rest, self.velocity, where=self.moving[..., None])
        return rest


def scene_flow(pairs: PointPairs, rig: StereoRig, dt_s: float, T_1_0: np.ndarray | None = None,
               config: SceneFlowConfig | None = None) -> SceneFlow:
    """
    Compute velocities, in the world if the motion of the camera is known, and what moves.

    :param pairs: points before and after.
    :param rig: that saw them.
    :param dt_s: time from the older to the newer frame, seconds.
    :param T_1_0: (4, 4) or (3, 4), takes points of the older left camera into the frame of the
        newer one; its error is not part of the noise. None if unknown: the velocities are then
        relative to the camera.
    :param config: options; the defaults if not given.
    :returns: scene flow on the grid of the pairs.
    :raises ShapeError: if the rig is of another size.
    :raises ConfigError: if ``dt_s`` is not a positive number.
    :raises PoseError: if ``T_1_0`` is not rigid.
    """
    if not 0 < dt_s < np.inf:
        raise ConfigError(f'dt_s must be a positive number of seconds, got {dt_s}')
    require_camera_size(pairs.points0, rig.left)
    config = config or SceneFlowConfig()
    T = np.eye(4) if T_1_0 is None else require_rigid(T_1_0)
    rest = move_points(pairs.points0, T)
    sigma = displacement_sigma(rest, pairs.points1, rig, config.noise)
    sigma *= np.float32(1 / dt_s)
    velocity = pairs.points1 - rest
    velocity *= np.float32(1 / dt_s)
    v_x, v_y, v_z = cv2.split(velocity)
    speed = np.sqrt(v_x * v_x + v_y * v_y + v_z * v_z)
    known = speed <= config.max_speed_mps  # False for NaN
    if np.isfinite(config.max_speed_mps):  # else what is not known is NaN anyway
        velocity[~known] = sigma[~known] = np.nan
    moving = None
    if T_1_0 is not None:
        residual = rigid_residual(pairs.points0, pairs.points1, rig, T, config.noise)
        moving = known & (speed > config.min_speed_mps)
        with np.errstate(invalid='ignore'):
            moving &= residual.significance() > config.moving_sigmas
    return SceneFlow(pairs.points1, velocity, sigma, moving, pairs.confidence * known,
                     T_1_0 is not None)
