"""Managed nodes from the launch files: who brings them to which state."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('launch_ros.actions', reason='launch_ros is not installed; it comes with a '
                    'ROS 2 distribution (ros-$ROS_DISTRO-launch-ros), not with the wheels')
from launch_harness import assert_ends_cleanly, depth_of, parameters_of, wait_for_nodes
from lifecycle import change, set_parameter, state_of
from plane_scene import DEPTH_M, INNER
from ros_harness import floats_of
from sensor_msgs.msg import Image

pytestmark = [pytest.mark.ros, pytest.mark.launch]


def wait_for_state(graph, launched, node, state):
    assert graph.spin_until(lambda: state_of(graph, node) == state), launched.text()


def test_a_managed_node_becomes_active_and_works(graph, start):
    launched = start('stereo', namespace='rig', left_namespace='cam0', managed='true',
                     matcher='classical')
    graph.listen('rig/depth', Image)
    wait_for_nodes(graph, launched, '/rig/stereo_node')
    wait_for_state(graph, launched, '/rig/stereo_node', 'active')
    assert parameters_of(graph, '/rig/stereo_node', 'matcher') == ['classical']
    depth = floats_of(depth_of(graph, 'rig/depth', ('rig/cam0', 'rig/right')))
    assert np.nanmedian(depth[INNER]) == pytest.approx(DEPTH_M, abs=0.01)
    assert_ends_cleanly(launched)


@pytest.mark.parametrize('name', ['flow', 'match', 'motion_depth', 'perception'])
def test_every_launch_file_activates_its_managed_node(graph, start, name):
    own = {'motion_depth': {'pose_source': 'odometry'}}.get(name, {})
    launched = start(name, managed='True', matcher='classical', **own)
    wait_for_nodes(graph, launched, f'/{name}_node')
    wait_for_state(graph, launched, f'{name}_node', 'active')
    assert_ends_cleanly(launched)


def test_it_is_activated_once_only(graph, start):
    """Whoever deactivates it later, or goes around through unconfigured, has the say."""
    launched = start('stereo', managed='true', matcher='classical')
    wait_for_nodes(graph, launched, '/stereo_node')
    wait_for_state(graph, launched, 'stereo_node', 'active')
    for label, state in (('deactivate', 'inactive'), ('cleanup', 'unconfigured'),
                         ('configure', 'inactive')):
        assert change(graph, 'stereo_node', label)
        graph.spin_for(1.0)
        assert state_of(graph, 'stereo_node') == state
    assert_ends_cleanly(launched)


def test_without_autostart_a_manager_decides(graph, start):
    launched = start('stereo', managed='true', autostart='false', matcher='classical')
    wait_for_nodes(graph, launched, '/stereo_node')
    graph.spin_for(1.0)
    assert state_of(graph, 'stereo_node') == 'unconfigured'
    for label, state in (('configure', 'inactive'), ('activate', 'active')):
        assert change(graph, 'stereo_node', label)
        graph.spin_for(1.0)
        assert state_of(graph, 'stereo_node') == state
    assert_ends_cleanly(launched)


def test_what_cannot_be_configured_says_why_and_waits(graph, start):
    launched = start('stereo', managed='true', matcher='panmatch', weights='/no/such/file')
    wait_for_nodes(graph, launched, '/stereo_node')
    assert graph.spin_until(lambda: "Failed to make transition 'TRANSITION_CONFIGURE'"
                            in launched.text()), launched.text()
    assert 'the node cannot be configured: ' in launched.text()
    assert '/no/such/file' in launched.text()
    assert state_of(graph, 'stereo_node') == 'unconfigured'
    assert set_parameter(graph, 'stereo_node', 'matcher', 'classical') == ''
    assert change(graph, 'stereo_node', 'configure')
    wait_for_state(graph, launched, 'stereo_node', 'active')
    assert_ends_cleanly(launched)


def test_autostart_means_nothing_to_a_plain_node(graph, start):
    launched = start('stereo', autostart='false', matcher='classical')
    graph.listen('depth', Image)
    wait_for_nodes(graph, launched, '/stereo_node')
    depth = floats_of(depth_of(graph, 'depth', ('left', 'right')))
    assert np.nanmedian(depth[INNER]) == pytest.approx(DEPTH_M, abs=0.01)
    assert_ends_cleanly(launched)
