"""The recorder writes what live nodes publish: values against the truth of rendered scenes."""
import json

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from ball_rig import DT_S, RIG, ball, send_all
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from match_scene import MOTION, send_infos, send_pair, views
from match_scene import SIZE as MATCH_SIZE
from match_scene import K as MATCH_K
from motion_depth_runs import DRIVE, ODOMETRY, drive_for
from moving_ball_scene import BALL
from moving_camera import K
from moving_textures import moved_pair
from ros_harness import RELIABLE, image_message
from sensor_msgs.msg import Image
from two_view_scene import direction_error_deg, rotation_error_deg

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.core.quaternion import rotation_from_quaternion
from panmatch_ros.core.rigid_motion import make_transform, rigid_flow
from panmatch_ros.core.types import Correspondences
from panmatch_ros.data.ply import read_ply
from panmatch_ros.nodes import recorder_topics
from panmatch_ros.nodes.diagnostics import own_messages
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.match_node import MatchNode
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.recorder import Recorder
from panmatch_ros.nodes.recorder_topics import chosen_topics
from panmatch_ros.viz.matches import draw_matches

pytestmark = pytest.mark.ros
DEADLINE_S = 30


def record(graph, folder, act, **parameters):
    """Let the recorder record what comes of an action; return the arrays and the record."""
    graph.add(Recorder, out=str(folder), timeout_seconds=float(DEADLINE_S), **parameters)

    def run():
        act()
        graph.spin_for(DEADLINE_S)
    with pytest.raises(SystemExit) as end:  # which it ends with, maybe before the action ends
        run()
    report = json.loads((folder / 'record.json').read_text())
    assert end.value.code == 0, report['topics']
    with np.load(folder / 'outputs.npz', allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}, report


# Live nodes.

def test_matches_and_pose(graph, tmp_path):
    node = graph.add(MatchNode, matcher='classical')

    def act():
        send_infos(graph)
        send_pair(graph, 5.0, views().image0, views().image1)
    arrays, report = record(graph, tmp_path, act, task='match', frames=1)
    T_0_1 = make_transform(rotation_from_quaternion(arrays['pose.orientation']),
                           arrays['pose.position'])
    truth = np.linalg.inv(MOTION)
    assert rotation_error_deg(T_0_1, truth) < 2
    assert direction_error_deg(T_0_1, truth) < 2
    status = report['statuses']['pose/status']['match_node: pose']
    if own_messages() is None:
        assert 'correspondences' not in report['topics']
        return
    points0, points1 = arrays['correspondences.points0'], arrays['correspondences.points1']
    assert points0.shape == points1.shape == (int(status['matches']), 2)
    assert arrays['correspondences.scores'].shape == (len(points0),)
    assert arrays['correspondences.scores'].min() >= 0.5
    assert arrays['correspondences.sizes'].tolist() == [list(MATCH_SIZE)] * 2
    columns, rows = points0.astype(int).T
    flow = rigid_flow(views().depth, MATCH_K, MATCH_K, MOTION)[rows, columns]
    assert np.nanmedian(np.linalg.norm(points0 + flow - points1, axis=1)) < 0.5
    found = Correspondences(points0, points1, arrays['correspondences.scores'])
    assert np.array_equal(arrays['matches/image_color'], draw_matches(
        views().image0, views().image1, found, node.settings.max_drawn, color_by='confidence'))


def test_flow_with_its_message_in_one(graph, tmp_path):
    if own_messages() is None:
        pytest.skip('the messages of panmatch_ros are not built: run make setup')
    node = graph.add(FlowNode, matcher='classical')
    older, newer = moved_pair(3, -2)

    def act():  # both the recorder and the node have to listen
        publisher = graph.node.create_publisher(Image, 'image', RELIABLE)
        assert graph.spin_until(lambda: publisher.get_subscription_count() == 2)
        publisher.publish(image_message(older, 'mono8', 1.0))
        assert graph.spin_until(lambda: node.statistics.received == 1 and node.worker.idle)
        publisher.publish(image_message(newer, 'mono8', 1.25))
    arrays, report = record(graph, tmp_path, act, task='flow', topics=(
        'image flow flow/confidence optical_flow'), frames=1)
    assert report['topics']['optical_flow']['count'] == 1
    assert np.array_equal(arrays['optical_flow'], arrays['flow'], equal_nan=True)
    assert np.nanmedian(arrays['optical_flow'], axis=(0, 1)) == pytest.approx([3, -2], abs=0.1)
    assert np.array_equal(arrays['optical_flow.confidence'], arrays['flow/confidence'])
    assert arrays['optical_flow.dt'] == arrays['flow.dt'] == pytest.approx(0.25)
    assert np.array_equal(arrays['image.before'], older)


def test_all_topics_of_flow_hold_its_message_if_it_is_built():
    expected = ['image', 'flow', 'flow/confidence', 'optical_flow', 'flow/image_color']
    if own_messages() is None:
        expected.remove('optical_flow')
    assert list(chosen_topics('flow')) == expected


def test_depth_from_motion(graph, tmp_path):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    arrays, report = record(graph, tmp_path,
                            lambda: drive_for(graph, node, DRIVE, (0.0, 0.2, 0.4)),
                            task='motion_depth', frames=2)
    assert np.array_equal(arrays['image'], DRIVE.image(0.4))
    depth = arrays['depth']
    known = np.isfinite(depth)
    assert known.mean() > 0.5
    assert np.median(np.abs(depth[known] / DRIVE.depth(0.4)[known] - 1)) < 0.05
    assert (arrays['confidence'][known] >= 0.2).all()
    assert arrays['depth/camera_info.p'].reshape(3, 4)[:, :3] == pytest.approx(K)
    y, x = np.nonzero(known)
    points = np.stack([x - K[0, 2], y - K[1, 2], np.full(len(x), K[0, 0])], axis=-1)
    points *= (depth[known] / K[0, 0])[:, None]
    assert arrays['points2'][known] == pytest.approx(points, abs=1e-4)
    assert np.array_equal(arrays['points2.rgb'], arrays['image'])
    cloud = read_ply(tmp_path / 'points2.ply')
    assert np.array_equal(cloud.points, arrays['points2'][known])
    assert np.array_equal(cloud.colors, arrays['image'][known])
    assert cloud.velocities is None
    assert report['reports']['motion_depth_node']['input_size'] == '256x192'


def test_scene_flow_and_what_moves(graph, tmp_path):
    node = graph.add(PerceptionNode, matcher='classical')
    scene, pairs = ball(True)
    arrays, report = record(graph, tmp_path, lambda: send_all(graph, node, pairs),
                            task='perception', frames=1)
    older, newer = scene.frames
    assert np.array_equal(arrays['left/image_rect'], pairs[1][0])
    velocity = arrays['scene_flow.velocity']
    known = np.isfinite(velocity[..., 2])
    on_ball = (newer.owners == BALL) & known
    truth = scene.velocities(newer.owners)
    assert np.mean(np.linalg.norm(velocity - truth, axis=-1)[on_ball] < 0.2) > 0.8
    assert np.mean((velocity == 0).all(axis=-1)[known & (newer.owners != BALL)]) > 0.99
    assert set(np.unique(arrays['moving'])) == {0, 255}
    assert np.mean(arrays['moving'][on_ball] == 255) > 0.8
    assert np.mean(arrays['moving'][newer.owners != BALL] == 255) < 0.01
    placed = np.isfinite(arrays['scene_flow'][..., 2])
    assert np.median(np.abs(arrays['scene_flow'][..., 2] / newer.depth - 1)[placed]) < 0.02
    flow, visible = scene.flow(0)
    error = np.linalg.norm(arrays['flow'] - flow.flow, axis=-1)[visible]
    assert np.nanmedian(error) < 0.3
    disparity = scene.disparity_of(newer.depth)
    assert np.nanmedian(np.abs(arrays['disparity'] - disparity)) < 0.3
    assert arrays['disparity.f'] * arrays['disparity.t'] == pytest.approx(
        RIG.focal_px * RIG.baseline_m)
    assert arrays['flow/confidence'].shape == arrays['depth'].shape == older.depth.shape
    cloud = read_ply(tmp_path / 'scene_flow.ply')
    assert np.array_equal(cloud.points, arrays['scene_flow'][placed])
    assert np.array_equal(cloud.velocities, velocity[placed], equal_nan=True)
    assert np.array_equal(cloud.colors, pairs[1][0][placed])
    if own_messages() is None:
        assert 'optical_flow' not in report['topics']
        return
    assert arrays['optical_flow.dt'] == pytest.approx(DT_S)
    assert np.array_equal(arrays['optical_flow'], arrays['flow'], equal_nan=True)
    assert np.array_equal(arrays['optical_flow.confidence'], arrays['flow/confidence'])
    assert np.array_equal(arrays['left/image_rect.before'], pairs[0][0])
    assert arrays['flow.dt'] == pytest.approx(DT_S)


def test_only_the_topics_that_are_wanted(graph, tmp_path):
    node = graph.add(PerceptionNode, matcher='classical')
    arrays, report = record(graph, tmp_path, lambda: send_all(graph, node, ball(False)[1]),
                            task='perception', topics='moving  scene_flow', frames=1)
    assert list(report['topics']) == ['moving', 'scene_flow']
    assert set(arrays) == {'moving', 'scene_flow', 'scene_flow.rgb', 'scene_flow.velocity'}
    assert [path.name for path in sorted(tmp_path.glob('*.ply'))] == ['scene_flow.ply']


# Without a node.

def test_images_of_a_camera_in_any_encoding(graph, tmp_path):
    bgr = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    node = graph.add(Recorder, task='flow', topics='image', out=str(tmp_path))
    graph.publish('image', image_message(bgr, 'bgr8', 1.0))
    assert graph.spin_until(lambda: node._arrivals['image'])
    node.write()
    with np.load(tmp_path / 'outputs.npz', allow_pickle=False) as arrays:
        assert np.array_equal(arrays['image'], bgr[..., ::-1])


def test_names_that_the_task_does_not_have(graph, tmp_path):
    with pytest.raises(ConfigError) as raised:
        graph.add(Recorder, task='motion_depth', topics='depth disparity', out=str(tmp_path))
    assert str(raised.value) == (
        'topics names disparity, which the task motion_depth does not have; expected some of '
        'image, depth, depth/camera_info, points2, confidence')


def test_messages_that_are_not_there(monkeypatch):
    monkeypatch.setattr(recorder_topics, 'own_messages', lambda: None)
    assert chosen_topics('match') == {'pose': PoseStamped, 'pose/status': DiagnosticArray,
                                      'matches/image_color': Image}
    for task in ('flow', 'perception'):
        assert 'optical_flow' not in chosen_topics(task)

    def fail(name):
        raise ModuleNotFoundError(f'No module named {name!r}')
    monkeypatch.setattr(recorder_topics.importlib, 'import_module', fail)
    with pytest.raises(ConfigError) as raised:
        chosen_topics('match', 'pose')
    assert str(raised.value) == (
        "pose needs the message geometry_msgs/PoseStamped (No module named 'geometry_msgs.msg'): "
        'install ros-$ROS_DISTRO-geometry-msgs, or name other topics')
    with pytest.raises(ConfigError) as raised:
        chosen_topics('match', 'correspondences')
    assert str(raised.value) == (
        'correspondences needs the message panmatch_ros/Correspondences (No module named '
        "'panmatch_ros.msg'): build this package with colcon, or name other topics")
