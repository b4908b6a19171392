"""Essential outputs have standard types: the nodes work without the messages of this package."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from diagnostic_msgs.msg import DiagnosticArray
from ros_harness import camera_infos, floats_of, image_message, publish_pair
from sensor_msgs.msg import Image

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.data.synthetic.planes import render_plane_pair
from panmatch_ros.nodes import base_node, flow_node, match_node, perception_node
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.match_node import MatchNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros


@pytest.fixture(autouse=True)
def not_built(monkeypatch):
    for module in (base_node, flow_node, match_node, perception_node):
        monkeypatch.setattr(module, 'own_messages', lambda: None)


def test_stereo_node(graph):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    graph.listen('/diagnostics', DiagnosticArray)
    rig = StereoRig.ideal((64, 96), focal_px=80.0, baseline_m=0.1)
    left, right = (image_message(pixels, 'rgb8', 1.0) for pixels in render_plane_pair(rig, 1.0))
    publish_pair(graph, left, right, camera_infos(rig, 1.0))
    assert np.nanmedian(floats_of(graph.wait_for('depth'))) == pytest.approx(1.0, abs=0.01)
    assert 'statistics appear in /diagnostics only' in graph.wait_for_log('are not built')
    assert '/statistics' not in dict(node.get_topic_names_and_types())
    assert graph.spin_until(lambda: any(
        item.key == 'frames_processed' and item.value == '1'
        for array in graph.received['/diagnostics'] for item in array.status[0].values))


def test_flow_node(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    texture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    pixels = np.kron(texture, np.ones((4, 4, 1), np.uint8))
    for count, shift in enumerate((0, 2), start=1):
        graph.publish('image', image_message(np.roll(pixels, shift, axis=1), 'rgb8', float(count)))
        assert graph.spin_until(
            lambda count=count: node.statistics.received == count and node.worker.idle)
    flow = floats_of(graph.wait_for('flow'), 2)
    assert np.median(flow[..., 0]) == pytest.approx(2.0, abs=0.1)
    assert '/optical_flow' not in dict(node.get_topic_names_and_types())


def test_match_node(graph):
    node = graph.add(MatchNode, matcher='classical')
    graph.listen('matches/image_color', Image)
    texture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    message = image_message(np.kron(texture, np.ones((4, 4, 1), np.uint8)), 'rgb8', 1.0)
    graph.publish('image0', message)
    graph.publish('image1', message)
    picture = graph.wait_for('matches/image_color')
    assert (picture.height, picture.width) == (64, 2 * 64 + 6)
    assert '/correspondences' not in dict(node.get_topic_names_and_types())


def test_perception_node(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    graph.listen('flow', Image)
    rig = StereoRig.ideal((64, 96), focal_px=80.0, baseline_m=0.1)
    pixels = render_plane_pair(rig, 1.0)
    for count in (1, 2):
        left, right = (image_message(each, 'rgb8', float(count)) for each in pixels)
        publish_pair(graph, left, right, camera_infos(rig, float(count)))
        assert graph.spin_until(lambda count=count: node.statistics.received == count
                                and node._gate._held is None and node.worker.idle)
    assert np.abs(np.median(floats_of(graph.wait_for('flow'), 2))) < 0.1
    assert '/optical_flow' not in dict(node.get_topic_names_and_types())
