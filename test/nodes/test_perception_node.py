"""The perception node, live: scene flow of a known scene, what moves, and the other outputs."""
from moving_ball_scene import BALL, DT_S
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from ball_rig import (
    CAMERA_POSE,
    FORWARD,
    SIZE,
    START_S,
    ball,
    listen,
    send,
    send_all,
    send_pose,
    settle,
)
from moving_camera import CAMERA, publish_static
import raw_stereo
from rclpy.parameter import Parameter
from ros_harness import floats_of, image_message, points_of, stamp_of

from panmatch_ros.core.rectification import Rectifier
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros
LONG_S = 5.0  # of a wait for what is sure to come


def scene_of(cloud):
    """Read points, velocities, (H, W, 3) each, and colours of a scene_flow message."""
    assert [field.name for field in cloud.fields[:6]] == ['x', 'y', 'z', 'vx', 'vy', 'vz']
    assert all((field.offset, field.datatype, field.count) == (4 * index, 7, 1)
               for index, field in enumerate(cloud.fields))
    values = np.frombuffer(cloud.data, np.float32).reshape(
        cloud.height, cloud.width, cloud.point_step // 4)
    rgb = points_of(cloud).rgb
    return values[..., :3], values[..., 3:6], rgb


def mask_of(message):
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)


def speed_error(velocity, scene):
    """Relative error of the speed of the known pixels of the ball."""
    where = (scene.frames[1].owners == BALL) & np.isfinite(velocity[..., 2])
    assert where.sum() > 500
    truth = scene.velocities(scene.frames[1].owners)[where]
    return (np.linalg.norm(velocity[where], axis=-1) / np.linalg.norm(truth, axis=-1) - 1)


def check_scene(scene, cloud, mask):
    """Ball and background, as they have to come out."""
    _, velocity, _ = scene_of(cloud)
    assert np.mean(np.abs(speed_error(velocity, scene)) < 0.1) > 0.8
    rest = (scene.frames[1].owners != BALL) & np.isfinite(velocity[..., 2])
    assert rest.sum() > 0.5 * (scene.frames[1].owners != BALL).sum()
    assert np.mean(np.linalg.norm(velocity[rest], axis=-1) < 0.1) > 0.99
    moving = mask_of(mask)
    assert set(np.unique(moving)) == {0, 255}
    known = np.isfinite(velocity[..., 2])
    on_ball = scene.frames[1].owners == BALL
    assert np.mean(moving[on_ball & known] == 255) > 0.8
    assert np.mean(moving[~on_ball] == 255) < 0.01


# Scene flow and what moves.

@pytest.mark.parametrize('moves', [False, True])
def test_ball_and_background(graph, moves):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'scene_flow', 'moving')
    scene, pairs = ball(moves)
    send_all(graph, node, pairs)
    check_scene(scene, graph.wait_for('scene_flow'), graph.wait_for('moving'))
    assert len(graph.received['scene_flow']) == 1  # one pair alone has no velocity
    details = node.report_details()
    assert float(details['ego_motion_m']) == pytest.approx(0.0608 if moves else 0, abs=0.01)
    assert float(details['ego_inlier_share']) > 0.6


@pytest.mark.parametrize('source', ['odometry', 'tf'])
def test_motion_of_the_camera_by_poses(graph, source):
    static = None
    if source == 'tf':
        pytest.importorskip('tf2_msgs.msg', reason='tf2_msgs is not installed: run make setup, or '
                            'install ros-$ROS_DISTRO-tf2-msgs')
        static = publish_static(graph)
    node = graph.add(PerceptionNode, matcher='classical', ego_motion=source,
                     transform_timeout_seconds=LONG_S,
                     camera_pose=CAMERA_POSE if source == 'odometry' else '')
    listen(graph, 'scene_flow', 'moving')
    scene, pairs = ball(True)
    for index, pair in enumerate(pairs):
        send(graph, pair, START_S + index * DT_S)
        assert graph.spin_until(lambda: len(node._queue) == 1)  # the pose comes late
        send_pose(graph, node, index)
        settle(graph, node, index + 1)
    check_scene(scene, graph.wait_for('scene_flow'), graph.wait_for('moving'))
    assert float(node.report_details()['ego_motion_m']) == pytest.approx(
        np.linalg.norm(FORWARD[:3, 3]), abs=1e-3)
    del static


def test_fields_frames_stamps_and_what_is_unknown(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'scene_flow', 'moving', 'points2')
    scene, pairs = ball(True)
    send_all(graph, node, pairs)
    cloud, mask = graph.wait_for('scene_flow'), graph.wait_for('moving')
    for message in (cloud, mask):
        assert stamp_of(message) == pytest.approx(START_S + DT_S)  # the newer pair
        assert message.header.frame_id == CAMERA
        assert (message.height, message.width) == SIZE
    assert (mask.encoding, mask.step) == ('mono8', SIZE[1])
    assert [field.name for field in cloud.fields] == ['x', 'y', 'z', 'vx', 'vy', 'vz', 'rgb']
    assert (cloud.point_step, cloud.row_step) == (28, 28 * SIZE[1])
    assert not cloud.is_dense
    points, velocity, rgb = scene_of(cloud)
    assert np.array_equal(rgb, pairs[1][0])
    known = np.isfinite(velocity).all(axis=-1)
    assert 0.5 < known.mean() < 0.99
    assert np.array_equal(known, np.isfinite(velocity).any(axis=-1))
    assert np.isfinite(points[known]).all()
    # The points are those of the newer pair, on its grid.
    dense = points_of(graph.wait_for('points2', 2)).xyz
    assert np.allclose(points[known], dense[known], rtol=1e-4)
    assert np.median(np.abs(points[known][:, 2] / scene.frames[1].depth[known] - 1)) < 0.02
    assert not mask_of(mask)[~known].any()


def test_velocities_relative_to_the_camera(graph):
    node = graph.add(PerceptionNode, matcher='classical', ego_motion='none', use_color=False)
    assert 'moving' not in node.outputs
    listen(graph, 'scene_flow')
    scene, pairs = ball(True)
    send_all(graph, node, pairs)
    cloud = graph.wait_for('scene_flow')
    assert cloud.point_step == 24  # no colour
    _, velocity, _ = scene_of(cloud)
    rest = (scene.frames[1].owners != BALL) & np.isfinite(velocity[..., 2])
    assert np.median(velocity[rest][:, 2]) == pytest.approx(-0.6, abs=0.15)  # it comes nearer


def test_raw_velocities_are_those_of_the_noise_too(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'scene_flow')
    _, pairs = ball(True)
    send_all(graph, node, pairs)
    _, quiet, _ = scene_of(graph.wait_for('scene_flow'))
    assert node.set_parameters([Parameter('raw_velocities', value=True)])[0].successful
    send_all(graph, node, pairs, START_S + 50)
    _, raw, _ = scene_of(graph.wait_for('scene_flow', 2))
    assert np.array_equal(np.isnan(raw), np.isnan(quiet))
    rest = np.isfinite(quiet[..., 2]) & (quiet == 0).all(axis=-1)
    assert rest.mean() > 0.4
    assert 0.01 < np.median(np.linalg.norm(raw[rest], axis=-1)) < 2
    moving = np.isfinite(quiet[..., 2]) & ~rest
    assert np.array_equal(raw[moving], quiet[moving])


# The same as the other nodes.

@pytest.mark.parametrize('matcher', ['classical', 'nano', 'auto'])
def test_results_are_those_of_the_other_nodes(graph, matcher):
    _, pairs = ball(True)
    topics = ('disparity', 'depth', 'confidence', 'flow', 'flow/confidence')
    listen(graph, *topics)
    found = {}
    for node_class in (PerceptionNode, StereoNode, FlowNode):
        node = graph.add(node_class, matcher=matcher, threads=1)
        for index, pair in enumerate(pairs):
            if node_class is FlowNode:
                graph.publish('image', image_message(pair[0], 'rgb8', START_S + index * DT_S))
            else:
                send(graph, pair, START_S + index * DT_S)
            settle(graph, node, index + 1)
        count = {PerceptionNode: {'depth': 2, 'flow': 1, 'flow/confidence': 1}, FlowNode: {
            'flow': 1, 'flow/confidence': 1}, StereoNode: {'depth': 2}}[node_class]
        for topic, number in count.items():
            graph.wait_for(topic, number)
        graph.spin_for(0.1)
        found[node_class] = {topic: graph.received[topic][-1] for topic in topics
                             if graph.received[topic]}
        graph.close_node(node)
        for topic in topics:
            graph.received[topic].clear()
    both = found[PerceptionNode]
    for topic in ('depth', 'confidence'):
        assert both[topic] == found[StereoNode][topic]
    assert both['disparity'] == found[StereoNode]['disparity']
    for topic in ('flow', 'flow/confidence'):
        assert both[topic].header.stamp == found[FlowNode][topic].header.stamp
        assert both[topic].data == found[FlowNode][topic].data


def test_optical_flow_message(graph):
    panmatch_msgs = pytest.importorskip(
        'panmatch_ros.msg', reason='the messages of this package are not built (colcon build)')
    node = graph.add(PerceptionNode, matcher='classical', flow_confidence_threshold=0.5)
    graph.listen('optical_flow', panmatch_msgs.OpticalFlow)
    send_all(graph, node, ball(True)[1])
    message = graph.wait_for('optical_flow')
    assert stamp_of(message) == pytest.approx(START_S + DT_S)
    assert message.source_stamp.sec == START_S
    assert message.dt == pytest.approx(DT_S)
    unsure = floats_of(message.confidence) < 0.5
    assert 0 < unsure.mean() < 0.5
    assert np.array_equal(np.isnan(floats_of(message.flow, 2)).all(axis=-1), unsure)


def test_raw_images_are_rectified_for_all_outputs(graph):
    node = graph.add(PerceptionNode, matcher='classical', rectify=True)
    listen(graph, 'disparity', 'flow', 'flow/confidence', 'scene_flow')
    for index in range(2):
        raw_stereo.publish(graph, START_S + index * DT_S)
        settle(graph, node, index + 1)
    missing = Rectifier.from_camera_info(raw_stereo.INFOS[0]).missing
    flow = floats_of(graph.wait_for('flow'), 2)
    assert np.isnan(flow[missing]).all()
    assert not floats_of(graph.wait_for('flow/confidence'))[missing].any()
    assert np.nanmax(np.abs(flow)) < 0.5  # the same pair twice
    disparity = floats_of(graph.wait_for('disparity', 2).image)
    assert np.nanmedian(np.abs(disparity - raw_stereo.true_disparity())) < 0.2
    _, velocity, _ = scene_of(graph.wait_for('scene_flow'))
    known = np.isfinite(velocity[..., 2])
    assert 0.5 < known.mean() < 1 - missing.mean()
    assert np.mean(velocity[known] == 0) > 0.99
