"""Managed nodes: where errors lead, and requests from outside, also those that do not fit."""
import gc
import re
import sys

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('lifecycle_msgs.msg', reason='lifecycle_msgs is not installed: run make '
                    'setup, or install ros-$ROS_DISTRO-lifecycle-msgs')
from lifecycle import (
    ERROR,
    FAILURE,
    SUCCESS,
    add_managed,
    bring,
    change,
    set_parameter,
    state_of,
)
from lifecycle_msgs.msg import Transition
from plane_scene import listen_all, send

from panmatch_ros.core.errors import MissingDependencyError
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros


def fail(*args, **kwargs):
    raise RuntimeError('a defect')


# Errors.

def test_bad_weights_leave_it_unconfigured_until_they_are_corrected(graph, tmp_path, console):
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    from tiny_network import write_tiny
    bad = tmp_path / 'bad.safetensors'
    bad.write_bytes(b'no weights')
    good = write_tiny(tmp_path / 'good.safetensors')
    node = add_managed(graph, matcher='panmatch', weights=str(bad), device='cpu')
    assert node.trigger_configure() == FAILURE
    assert node.state == 'unconfigured'
    assert node._matchers.current is None
    (line,) = [line for line in console().splitlines() if str(bad) in line]
    assert '[ERROR]' in line
    assert 'the node cannot be configured: ' in line
    assert set_parameter(graph, 'stereo_node', 'weights', str(good)) == ''
    assert node.trigger_configure() == SUCCESS
    assert node.matcher.name == 'panmatch_tiny'
    assert node.trigger_activate() == SUCCESS
    listen_all(graph)
    send(graph, 1.0)
    assert graph.wait_for('disparity', timeout_s=30).image.width == 160


def test_missing_backend_leaves_it_unconfigured(graph, monkeypatch, console):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    node = add_managed(graph, 'flow', matcher='nano', backend='openvino')
    assert node.trigger_configure() == FAILURE
    assert node.state == 'unconfigured'
    assert re.search('the node cannot be configured: .*openvino', console())
    assert set_parameter(graph, 'flow_node', 'matcher', 'classical') == ''
    assert node.trigger_configure() == SUCCESS


def test_a_failure_is_not_remembered_by_the_next_configure(graph, monkeypatch):
    """A plain node waits ten seconds before it tries the same again."""
    def missing(options):
        raise MissingDependencyError('it is not there yet')

    node = add_managed(graph)
    with monkeypatch.context() as patched:
        patched.setattr('panmatch_ros.inference.factory.ClassicalMatcher', missing)
        assert node.trigger_configure() == FAILURE
    bring(node, 'active')


def test_unexpected_error_in_configure_is_logged_and_cleaned_up(graph, monkeypatch, console):
    node = add_managed(graph)
    monkeypatch.setattr('panmatch_ros.inference.factory.ClassicalMatcher', fail)
    assert node.trigger_configure() == ERROR
    assert node.state == 'unconfigured'
    assert re.search('on_configure: unexpected error(.|\n)*RuntimeError: a defect', console())
    monkeypatch.undo()
    bring(node, 'active')


def test_error_while_it_is_activated_leads_back_to_unconfigured(graph, monkeypatch, console):
    node = add_managed(graph)
    listen_all(graph)
    bring(node, 'inactive')
    assert graph.spin_until(lambda: node.outputs['depth'].get_subscription_count() > 0)
    real = node.create_subscription
    topics = []

    def second_one_fails(message_type, topic, *args, **kwargs):
        topics.append(topic)
        return real(message_type, topic, *args, **kwargs) if len(topics) < 2 else fail()

    monkeypatch.setattr(node, 'create_subscription', second_one_fails)
    assert node.trigger_activate() == ERROR
    assert node.state == 'unconfigured'
    assert topics == ['left/image_rect', 'right/image_rect']
    assert re.search('on_activate: unexpected error(.|\n)*RuntimeError: a defect', console())
    assert not node.inputs.is_open
    assert not node.is_active
    assert node._matchers.current is None
    monkeypatch.undo()
    bring(node, 'active')
    send(graph, 1.0)
    graph.wait_for('disparity')


@pytest.mark.parametrize(('state', 'trigger'), [('active', 'deactivate'), ('inactive', 'cleanup')])
def test_error_in_another_transition_leads_back_to_unconfigured(graph, monkeypatch, state,
                                                                trigger):
    node = add_managed(graph)
    bring(node, state)
    with monkeypatch.context() as patched:
        name = '_stop_work' if trigger == 'deactivate' else '_forget_matcher'
        real, calls = getattr(node, name), []
        patched.setattr(node, name, lambda: calls.append(1) or (fail() if len(calls) == 1
                                                                else real()))
        assert getattr(node, f'trigger_{trigger}')() == ERROR
    assert node.state == 'unconfigured'
    assert not node.is_active
    assert node._matchers.current is None
    bring(node, 'active')


def test_error_while_cleaning_up_after_an_error_is_the_end(graph, monkeypatch, console):
    node = add_managed(graph)
    bring(node, 'active')
    monkeypatch.setattr(node, '_stop_work', fail)
    assert node.trigger_deactivate() == ERROR
    assert node.state == 'finalized'
    assert 'on_error: unexpected error' in console()


def test_a_bad_frame_does_not_change_the_state(graph):
    node = add_managed(graph)
    bring(node, 'active')
    listen_all(graph)
    send(graph, 1.0, encoding='no_encoding')
    assert graph.spin_until(lambda: node.statistics.rejected == 1)
    assert node.state == 'active'
    send(graph, 2.0)
    assert graph.wait_for('disparity').header.stamp.sec == 2


# From outside.

def test_services_change_and_tell_the_state(graph):
    add_managed(graph)
    for label, state in (('configure', 'inactive'), ('activate', 'active'),
                         ('deactivate', 'inactive'), ('cleanup', 'unconfigured'),
                         ('shutdown', 'finalized')):
        assert change(graph, 'stereo_node', label)
        assert state_of(graph, 'stereo_node') == state


def test_transitions_by_number(graph):
    node = add_managed(graph)
    for number, state in ((Transition.TRANSITION_CONFIGURE, 'inactive'),
                          (Transition.TRANSITION_INACTIVE_SHUTDOWN, 'finalized')):
        assert change(graph, 'stereo_node', Transition(id=number))
        assert node.state == state


@pytest.mark.parametrize('asked', [Transition(label='activate'), Transition(label='dance'),
                                   Transition(id=Transition.TRANSITION_DEACTIVATE),
                                   Transition(id=Transition.TRANSITION_ACTIVE_SHUTDOWN),
                                   Transition(id=99)])
def test_what_the_state_does_not_allow_is_refused_and_the_node_goes_on(graph, asked, console):
    node = add_managed(graph)
    assert not change(graph, 'stereo_node', asked)
    assert node.state == 'unconfigured'
    assert (f'there is no transition {asked.label or asked.id} from the state unconfigured; '
            'there are: configure, shutdown') in console()
    assert change(graph, 'stereo_node', 'configure')


def test_failed_configure_is_told(graph):
    add_managed(graph, matcher='panmatch', weights='/no/such/file.safetensors')
    assert not change(graph, 'stereo_node', 'configure')
    assert state_of(graph, 'stereo_node') == 'unconfigured'


# The end.

def test_a_later_node_of_the_name_is_heard_in_rosout(graph):
    """What was left of a destroyed node took /rosout from the next one when it was collected."""
    gc.disable()  # or it could be collected before
    try:
        graph.close_node(add_managed(graph))
        node = graph.add(StereoNode, matcher='classical')
        gc.collect()
        node.get_logger().info('still heard')
        graph.wait_for_log('still heard')
    finally:
        gc.enable()
