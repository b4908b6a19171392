"""The parameters of perception_node: its part of the table, and what goes together."""
import math
from types import SimpleNamespace

from ..core.scene_flow import SceneFlowConfig
from ..inference.factory import MatcherOptions
from .parameters import FLOW, INPUTS, MATCHER, SGBM, STEREO, matcher_options
from .pose_sources import parse_camera_pose
from .settings import Spec

EGO_MOTIONS = ('none', 'estimate', 'odometry', 'tf')
SCENE_FLOW_DEFAULTS = SceneFlowConfig()

FLOW_OF_PAIRS = (
    Spec('flow_confidence_threshold', 0.0, 'flow with a lower confidence becomes invalid, '
         'confidences stay; 0 keeps all', 0.0, 1.0),
    *(spec for spec in FLOW if spec.name in ('flow_preset', 'warm_start', 'max_gap_seconds')),
)

SCENE_FLOW = (
    Spec('ego_motion', 'estimate', 'how the motion of the camera is known: none leaves velocities '
         'relative to the camera, estimate takes what most of the image agrees on, odometry the '
         'topic of that name, tf odom_frame to the camera', choices=EGO_MOTIONS, live=False),
    Spec('raw_velocities', False, 'scene_flow has the velocities as they are measured, also of '
         'what does not surely move; else that rests (0)'),
    Spec('scene_flow_min_confidence', SCENE_FLOW_DEFAULTS.min_confidence,
         'matches with a lower confidence, of a disparity or the flow, tell no velocity',
         0.0, 1.0),
    Spec('surface_edge_px', SCENE_FLOW_DEFAULTS.edge_px, 'neighbours whose disparity differs by '
         'this or more are on different surfaces (px)', 0.01, 1000.0),
    Spec('disparity_sigma_px', SCENE_FLOW_DEFAULTS.disparity_sigma_px,
         'standard deviation of a disparity (px)', 0.001, 100.0),
    Spec('flow_sigma_px', SCENE_FLOW_DEFAULTS.flow_sigma_px,
         'standard deviation of each component of the flow (px)', 0.001, 100.0),
    Spec('moving_sigmas', SCENE_FLOW_DEFAULTS.moving_sigmas, 'a point moves if it is farther from '
         'where a rest would be, in standard deviations, ...', 0.1, 1000.0),
    Spec('min_speed_mps', SCENE_FLOW_DEFAULTS.min_speed_mps, '... and faster than this (m/s)',
         0.0, 1000.0),
    Spec('max_speed_mps', 0.0, 'what is faster is a wrong match and has no velocity (m/s); 0 is '
         'no limit', 0.0, 100000.0),
    Spec('min_inlier_share', 0.4, 'ego_motion estimate: share of the points that have to agree '
         'on it', 0.0, 1.0),
    Spec('odom_frame', 'odom', 'ego_motion tf: a frame that does not move and in which poses do '
         'not jump', live=False),
    Spec('camera_frame', '', 'ego_motion odometry and tf: optical frame of the left camera '
         '(z forward, x right); empty is the frame_id of the images'),
    Spec('camera_pose', '', 'ego_motion odometry: place of the left camera in the child frame of '
         'the odometry, x y z qx qy qz qw (m); empty takes it from TF', live=False),
    Spec('max_odometry_gap_seconds', 0.5,
         'odometry further apart is not interpolated (s)', 0.001, 3600.0, live=False),
    Spec('transform_timeout_seconds', 0.3, 'ego_motion odometry and tf: how long a pair waits for '
         'its pose while scene_flow or moving is wanted (s)', 0.0, 60.0),
)

PERCEPTION_NODE = (*MATCHER, *INPUTS, *STEREO, *SGBM, *FLOW_OF_PAIRS, *SCENE_FLOW)


def perception_options(values: SimpleNamespace) -> MatcherOptions:
    """
    Options of the matcher, after a look at the pose of the camera.

    :raises ConfigError: if they do not go together.
    """
    parse_camera_pose(values.camera_pose)
    return matcher_options(values)


def scene_flow_config(values: SimpleNamespace) -> SceneFlowConfig:
    """Options of the scene flow from parameters."""
    return SceneFlowConfig(
        min_confidence=values.scene_flow_min_confidence, edge_px=values.surface_edge_px,
        disparity_sigma_px=values.disparity_sigma_px, flow_sigma_px=values.flow_sigma_px,
        moving_sigmas=values.moving_sigmas, min_speed_mps=values.min_speed_mps,
        max_speed_mps=values.max_speed_mps or math.inf)
