"""The parameters of motion_depth_node: its part of the table, and what goes together."""
from types import SimpleNamespace

from ..inference.factory import MatcherOptions
from .filter_parameters import FILTERS
from .parameters import DEPTH_OUTPUTS, FLOW_PRESET, INPUTS, MATCHER, THRESHOLD, matcher_options
from .pose_sources import parse_camera_pose
from .settings import Spec

MOTION_DEPTH = (
    Spec('pose_source', 'tf', 'where the poses of the camera come from: tf is odom_frame to the '
         'camera, odometry the topic of that name', choices=('tf', 'odometry'), live=False),
    Spec('odom_frame', 'odom', 'pose_source tf: a frame that does not move and in which poses do '
         'not jump', live=False),
    Spec('camera_frame', '', 'optical frame of the camera (z forward, x right); empty is the '
         'frame_id of the images'),
    Spec('camera_pose', '', 'pose_source odometry: place of the camera in the child frame of the '
         'odometry, x y z qx qy qz qw (m); empty takes it from TF', live=False),
    Spec('max_odometry_gap_seconds', 0.5,
         'odometry further apart is not interpolated (s)', 0.001, 3600.0, live=False),
    Spec('transform_timeout_seconds', 0.3,
         'how long an image waits for its pose and for the first camera_info (s)', 0.0, 60.0),
    Spec('queue_size', 10, 'images that wait for their pose', 1, 1000, live=False),
    Spec('min_baseline_m', 0.05, 'shortest distance between the places of the two images (m)',
         0.0001, 1000.0),
    Spec('max_rotation_deg', 20.0, 'largest turn between the two images (degrees)', 0.1, 180.0),
    Spec('max_keyframe_age_s', 2.0, 'longest time between the two images (s)', 0.001, 3600.0),
    Spec('target_parallax_px', 16.0, 'median parallax that the choice of the earlier image aims '
         'at (px)', 0.1, 1000.0),
    Spec('min_parallax_px', 2.0, 'pixels with less parallax become invalid, and with a lower '
         'median nothing is published (px)', 0.1, 1000.0),
    Spec('max_epipolar_error_px', 2.0, 'pixels whose match is farther from its epipolar line '
         'become invalid (px)', 0.1, 1000.0),
    Spec('min_fitting_share', 0.5, 'nothing is published if the poses explain a smaller share of '
         'the confident matches; 0 publishes always', 0.0, 1.0),
    Spec('confidence_threshold', 0.2, THRESHOLD, 0.0, 1.0),
    *FILTERS,
    *DEPTH_OUTPUTS,
    FLOW_PRESET,
)

MOTION_DEPTH_NODE = (*MATCHER, *INPUTS, *MOTION_DEPTH)


def motion_depth_options(values: SimpleNamespace) -> MatcherOptions:
    """
    Options of the matcher, after a look at the pose of the camera.

    :raises ConfigError: if they do not go together.
    """
    parse_camera_pose(values.camera_pose)
    return matcher_options(values)
