"""Filters of the perception node and of the motion depth node, live; all outputs alike."""
from finished_matcher import FinishedMatcher
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from ball_rig import FORWARD, RIG, SIZE, ball, listen, send_all
from motion_depth_runs import DRIVE, ODOMETRY, drive_for
from moving_ball_scene import BALL
from moving_camera import K, listen_all
from rclpy.parameter import Parameter
from ros_harness import floats_of, points_of

from panmatch_ros.core.disparity_filter import DepthFilter, filter_depth
from panmatch_ros.core.rigid_motion import relative_transform
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

STEREO = ('disparity', 'depth', 'points2', 'confidence')
SCENE = ('scene_flow', 'moving')
FOCAL_BASELINE = RIG.focal_px * RIG.baseline_m  # 120: 4 m are 30 px


def known_of(graph, count=1):
    """Where disparity, depth, points and scene flow of a frame are known."""
    depth = floats_of(graph.wait_for('depth', count))
    known = {'disparity': np.isfinite(floats_of(graph.wait_for('disparity', count).image)),
             'depth': np.isfinite(depth)}
    for name, number in (('points2', count), ('scene_flow', count - 1)):
        xyz = points_of(graph.wait_for(name, number)).xyz
        known[name] = np.isfinite(xyz).all(axis=-1)
        assert np.array_equal(known[name], np.isfinite(xyz).any(axis=-1))
    return known


def velocity_of(cloud):
    values = np.frombuffer(cloud.data, np.float32)
    return values.reshape(cloud.height, cloud.width, cloud.point_step // 4)[..., 3:6]


# Perception node.

@pytest.mark.parametrize('options', [
    {'min_depth': 2.0, 'max_depth': 5.0}, {'filter_speckle_size': 30},
    {'filter_speckle_size': 30, 'max_depth': 5.0}, {'confidence_threshold': 0.5}], ids=str)
def test_scene_flow_has_the_mask_of_the_other_outputs(graph, monkeypatch, options):
    disparity = np.full(SIZE, 30, np.float32)
    disparity[60:120, 100:200] = 100           # 1.2 m
    disparity[20:24, 30:34] = 50               # 2.4 m, 16 pixels
    disparity[200:] = 20                       # 6 m
    disparity[:5] = np.nan
    confidence = np.where(np.arange(SIZE[1]) < 20, 0.3, 0.9) * np.isfinite(disparity)
    monkeypatch.setattr(StereoNode, 'matcher', FinishedMatcher(
        disparity, confidence.astype(np.float32)))
    expected = np.isfinite(disparity)
    if 'max_depth' in options:
        expected &= disparity >= 24
    if 'min_depth' in options:
        expected &= disparity <= 60
    if 'filter_speckle_size' in options:
        expected &= disparity != 50
    if 'confidence_threshold' in options:
        expected[:, :20] = False
    node = graph.add(PerceptionNode, ego_motion='none', **options)
    listen(graph, *STEREO, 'scene_flow')
    send_all(graph, node, [ball(False)[1][0]] * 2)
    for name, known in known_of(graph, 2).items():
        assert np.array_equal(known, expected), name
    # The camera and all else stand still: what is known has no velocity, and not more is known.
    velocity = velocity_of(graph.wait_for('scene_flow'))
    found = np.isfinite(velocity[..., 2])
    assert not (found & ~expected).any()
    assert (found & expected).sum() > 0.8 * expected.sum()
    assert np.abs(velocity[found]).max() < 1e-4
    assert np.array_equal(floats_of(graph.wait_for('confidence')), confidence.astype(np.float32))


def test_what_is_filtered_still_tells_the_motion_of_the_camera(graph):
    node = graph.add(PerceptionNode, matcher='classical', max_depth=4.0, min_inlier_share=0.2)
    listen(graph, *STEREO, *SCENE)
    scene, pairs = ball(True)
    send_all(graph, node, pairs)
    known = known_of(graph, 2)
    depth = floats_of(graph.wait_for('depth', 2))
    assert np.nanmax(depth) <= 4.0
    assert np.array_equal(known['depth'], known['points2'])
    assert np.array_equal(known['depth'], known['disparity'])
    assert np.array_equal(known['scene_flow'], known['depth'])
    # The wall is farther, and the ball covers a tenth of the image: alone it would be the world.
    moving = np.frombuffer(graph.wait_for('moving').data, np.uint8).reshape(SIZE)
    on_ball = (scene.frames[1].owners == BALL) & known['scene_flow'] & np.isfinite(
        velocity_of(graph.wait_for('scene_flow'))[..., 2])
    assert on_ball.sum() > 500
    assert np.mean(moving[on_ball] == 255) > 0.8
    assert not moving[~known['scene_flow']].any()
    details = node.report_details()
    assert float(details['ego_motion_m']) == pytest.approx(np.linalg.norm(FORWARD[:3, 3]),
                                                           rel=0.15)


def test_filters_of_the_perception_node_change_live(graph):
    node = graph.add(PerceptionNode, matcher='classical', ego_motion='none')
    listen(graph, *STEREO, 'scene_flow')
    pairs = ball(False)[1]
    send_all(graph, node, pairs)
    before = known_of(graph, 2)
    assert node.set_parameters([Parameter('max_depth', value=4.0)])[0].successful
    send_all(graph, node, pairs[1:], start_s=100.2)
    after = known_of(graph, 3)
    for name in before:
        assert 0.05 < after[name].mean() < 0.5 * before[name].mean()
    assert np.array_equal(after['scene_flow'], after['depth'])


# Motion depth node.

def masks_of_depth(graph, count=1):
    depth = floats_of(graph.wait_for('depth', count))
    xyz = points_of(graph.wait_for('points2', count)).xyz
    assert np.array_equal(np.isnan(xyz).all(axis=-1), np.isnan(depth))
    return depth, floats_of(graph.wait_for('confidence', count))


def test_motion_depth_has_limits_that_change_live(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.2))
    depth, confidence = masks_of_depth(graph)
    middle = float(np.nanmedian(depth))
    assert node.set_parameters([Parameter('max_depth', value=middle)])[0].successful
    drive_for(graph, node, DRIVE, (0.4,))
    limited, _ = masks_of_depth(graph, 2)
    truth = DRIVE.depth(0.4)
    assert np.nanmax(limited) <= middle
    assert np.isfinite(limited[truth < 0.95 * middle]).mean() > 0.5
    assert np.isnan(limited[truth > 1.05 * middle]).mean() > 0.95  # no match is that wrong
    refused = node.set_parameters([Parameter('min_depth', value=2 * middle)])[0]
    assert not refused.successful
    assert 'max_depth must be larger than min_depth' in refused.reason
    assert (confidence[np.isfinite(depth)] >= np.float32(0.2)).all()


def test_speckles_of_motion_depth(graph):
    """Two runs of one drive: the second leaves out what the first has in small patches."""
    runs = []
    for size in (0, 400):
        node = graph.add(MotionDepthNode, **ODOMETRY, filter_speckle_size=size,
                         filter_speckle_range=1.0, confidence_threshold=0.5)
        if not runs:
            listen_all(graph)
        drive_for(graph, node, DRIVE, (0.0, 0.2))
        runs.append(masks_of_depth(graph, len(runs) + 1))
        baseline_m = node._tracker.baseline_m
        graph.close_node(node)
    poses = DRIVE.camera(0.0), DRIVE.camera(0.2)
    assert baseline_m == pytest.approx(np.linalg.norm(relative_transform(*poses)[:3, 3]), rel=0.02)
    (plain, confidence), (filtered, same_confidence) = runs
    assert np.array_equal(confidence, same_confidence)
    expected = filter_depth(plain, confidence, K[0, 0] * baseline_m,
                            DepthFilter(speckle_size=400, speckle_range_px=1.0))
    assert np.array_equal(filtered, expected, equal_nan=True)
    kept = np.isfinite(filtered).sum()
    assert 0.2 * np.isfinite(plain).sum() < kept < np.isfinite(plain).sum()
