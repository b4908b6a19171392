"""Managed nodes as processes: states by services, and the end in each of them."""
import signal

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('lifecycle_msgs.msg', reason='lifecycle_msgs is not installed: run make '
                    'setup, or install ros-$ROS_DISTRO-lifecycle-msgs')
from lifecycle import change, state_of
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from plane_scene import DEPTH_M, INNER, messages
from processes import end
from ros_harness import floats_of, publish_pair
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros
WAY = {'unconfigured': [], 'inactive': ['configure'], 'active': ['configure', 'activate'],
       'finalized': ['shutdown']}


@pytest.fixture
def start(start_python):
    """Give a function that runs a console script."""
    def start(task, before='', *arguments):
        return start_python('-c', f"""
import sys
from panmatch_ros.nodes.start import managed_{task}_node
{before}
sys.exit(managed_{task}_node())""", '--ros-args', '-p', 'matcher:=classical', *arguments)
    return start


@pytest.mark.parametrize('state', WAY)
@pytest.mark.parametrize('sent', [signal.SIGINT, signal.SIGTERM])
def test_ends_with_0_in_every_state(graph, start, state, sent):
    process = start('stereo')
    for label in WAY[state]:
        assert change(graph, 'stereo_node', label)
    assert state_of(graph, 'stereo_node') == state
    process.send_signal(sent)
    output = end(process, 5.0)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


@pytest.mark.parametrize('task', ['flow', 'match', 'motion_depth', 'perception'])
def test_the_others_end_with_0_when_active(graph, start, task):
    process = start(task, '', '-p', 'pose_source:=odometry')
    for label in WAY['active']:
        assert change(graph, f'{task}_node', label)
    process.send_signal(signal.SIGINT)
    output = end(process, 5.0)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_ctrl_c_while_the_matcher_is_loaded(graph, start):
    """The state machine is between two states then."""
    process = start('stereo', """
from panmatch_ros.inference import matcher_cache
import logging, time
def load(*args):
    logging.getLogger('panmatch_ros').warning('loading')
    time.sleep(30)
matcher_cache.create_matcher = load
""")
    client = graph.node.create_client(ChangeState, 'stereo_node/change_state')
    assert graph.spin_until(client.service_is_ready, 15)
    assert state_of(graph, 'stereo_node') == 'unconfigured'
    client.call_async(ChangeState.Request(transition=Transition(label='configure')))
    graph.wait_for_log('loading')
    process.send_signal(signal.SIGINT)
    output = end(process, 5.0)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_works_after_a_request_that_did_not_fit(graph, start):
    """In rclpy such a request raises in the callback of the service, which ends a node."""
    process = start('stereo')
    assert not change(graph, 'stereo_node', 'activate')
    for label in WAY['active']:
        assert change(graph, 'stereo_node', label)
    graph.listen('depth', Image)
    for index in range(10):
        publish_pair(graph, *messages(1.0 + index / 10))
        if graph.spin_until(lambda: graph.received['depth'], 1.0):
            break
    depth = floats_of(graph.wait_for('depth'))[INNER]
    assert np.nanmedian(depth) == pytest.approx(DEPTH_M, abs=0.01)
    process.send_signal(signal.SIGINT)
    output = end(process, 5.0)
    assert process.returncode == 0, output
