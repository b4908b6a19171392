"""The stereo node, live: odd calibrations, and new ones."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from plane_scene import DEPTH_M, INNER, RIG, listen_all, messages, send
from ros_harness import (
    FRAME_ID,
    camera_infos,
    floats_of,
    image_message,
    points_of,
    publish_pair,
    stamp_of,
)

from panmatch_ros.core.camera import Camera, StereoRig
from panmatch_ros.data.synthetic.planes import render_plane_pair
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros


def test_depth_camera_info_describes_the_depth_image(graph):
    graph.add(StereoNode)
    listen_all(graph)
    send(graph, 3.0, convention='left')
    info = graph.wait_for('depth/camera_info')
    assert stamp_of(info) == 3.0
    assert info.header.frame_id == FRAME_ID
    assert (info.width, info.height) == (160, 120)
    assert list(info.p) == pytest.approx([200, 0, 79.5, 0, 0, 200, 59.5, 0, 0, 0, 1, 0])
    assert list(info.k) == pytest.approx([200, 0, 79.5, 0, 200, 59.5, 0, 0, 1])
    assert not any(info.d)


@pytest.mark.parametrize('convention', ['right', 'left'])
def test_binning_two(graph, convention):
    """P is given for the full image, the images have half of its size."""
    graph.add(StereoNode)
    listen_all(graph)
    left, right, infos = messages(1.0, convention=convention)
    for info in infos:
        info.width, info.height = 320, 240
        info.binning_x = info.binning_y = 2
        p = np.array(info.p).reshape(3, 4)
        p[:2] *= 2
        info.p = p.ravel().tolist()
    publish_pair(graph, left, right, infos)
    assert np.abs(floats_of(graph.wait_for('depth'))[INNER] - DEPTH_M).max() < 0.01
    xyz = points_of(graph.wait_for('points2')).xyz
    assert np.abs(xyz[INNER][..., 2] - DEPTH_M).max() < 0.01
    assert xyz[60, 100, 0] == pytest.approx((100 - 79.5) * 2.0 / 200, abs=0.01)
    message = graph.wait_for('disparity')
    assert (message.f, message.t) == (pytest.approx(200.0), pytest.approx(0.3))


@pytest.mark.parametrize('convention', ['right', 'left'])
def test_region_of_interest(graph, convention):
    """The image is a window of a larger one; P belongs to the larger one."""
    graph.add(StereoNode)
    listen_all(graph)
    left, right, infos = messages(1.0, convention=convention)
    for info in infos:
        info.width, info.height = 640, 480
        info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 200, 50, 160, 120
        p = np.array(info.p).reshape(3, 4)
        p[0, 2] += 200
        p[1, 2] += 50
        info.p = p.ravel().tolist()
    publish_pair(graph, left, right, infos)
    assert np.abs(floats_of(graph.wait_for('depth'))[INNER] - DEPTH_M).max() < 0.01
    xyz = points_of(graph.wait_for('points2')).xyz
    assert np.abs(xyz[INNER][..., 2] - DEPTH_M).max() < 0.01
    assert xyz[60, 100, 0] == pytest.approx((100 - 79.5) * 2.0 / 200, abs=0.01)


def test_converging_rig_subtracts_the_principal_point_offset(graph):
    right_camera = Camera(160, 120, 200, 200, RIG.left.cx + 5.0, RIG.left.cy, -60.0)
    rig = StereoRig(RIG.left, right_camera)
    left, right = render_plane_pair(rig, DEPTH_M)
    graph.add(StereoNode)
    listen_all(graph)
    infos = camera_infos(rig, 1.0)
    publish_pair(graph, image_message(left, 'rgb8', 1.0), image_message(right, 'rgb8', 1.0),
                 infos)
    message = graph.wait_for('disparity')
    # 30 px of parallax; the images themselves show 25 px, because cx differs by 5.
    assert np.nanmedian(floats_of(message.image)[INNER]) == pytest.approx(30.0, abs=0.07)
    assert message.min_disparity == pytest.approx(5.0)
    assert np.nanmedian(floats_of(graph.wait_for('depth'))[INNER]) == pytest.approx(2, abs=0.01)


def test_camera_info_that_was_sent_once_serves_all_pairs(graph):
    graph.add(StereoNode)
    listen_all(graph)
    send(graph, 1.0)
    graph.wait_for('depth')
    for stamp in (2.0, 3.0):
        left, right, _ = messages(stamp)
        graph.publish('left/image_rect', left)
        graph.publish('right/image_rect', right)
    # The first pair after the camera_info stopped waits for it, the next one does not.
    assert graph.spin_until(lambda: any(
        stamp_of(message) == 3.0 for message in graph.received['depth']))


def test_new_image_size_is_followed(graph):
    graph.add(StereoNode)
    listen_all(graph)
    send(graph, 1.0)
    graph.wait_for('depth')
    rig = StereoRig.ideal((96, 200), focal_px=200.0, baseline_m=0.3)
    left, right = render_plane_pair(rig, DEPTH_M)
    publish_pair(graph, image_message(left, 'rgb8', 2.0), image_message(right, 'rgb8', 2.0),
                 camera_infos(rig, 2.0))
    depth = graph.wait_for('depth', 2)
    assert (depth.height, depth.width) == (96, 200)
    assert np.nanmedian(floats_of(depth)[10:-10, 45:-10]) == pytest.approx(2.0, abs=0.01)
