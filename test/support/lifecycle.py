"""Managed nodes in tests: their states, and requests from outside."""
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from panmatch_ros.nodes.managed import managed

SUCCESS, FAILURE, ERROR = (TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE,
                           TransitionCallbackReturn.ERROR)
RETRY_S = 1.0


def add_managed(graph, task='stereo', **parameters):
    """Start a managed node, by default with what needs no weights."""
    if task == 'motion_depth':
        parameters['pose_source'] = 'odometry'
        pytest.importorskip('nav_msgs.msg', reason='nav_msgs is not installed '
                            '(ros-$ROS_DISTRO-nav-msgs)')
    return graph.add(managed(task), **{'matcher': 'classical', **parameters})


def bring(node, state):
    """Bring a fresh node to a state."""
    steps = {'unconfigured': [], 'inactive': [node.trigger_configure],
             'active': [node.trigger_configure, node.trigger_activate]}[state]
    assert [step() for step in steps] == [SUCCESS] * len(steps)
    assert node.state == state


def call(graph, service_type, name, request, timeout_s=20.0):
    """
    Call a service of a node in this process or another, and give the response.

    A server that has not found the client yet answers in vain, so it is asked again: the request
    has to be one that may come twice.
    """
    client = graph.node.create_client(service_type, name)
    assert graph.spin_until(client.service_is_ready, timeout_s), f'there is no {name}'
    end = time.monotonic() + timeout_s
    while True:
        future = client.call_async(request)
        if graph.spin_until(future.done, RETRY_S):
            break
        assert time.monotonic() < end, f'no answer of {name}'
    graph.node.destroy_client(client)
    return future.result()


def change(graph, node, asked, timeout_s=20.0):
    """Ask once for a transition, by its label or as a message; give whether it succeeded."""
    name = f'{node}/change_state'
    client = graph.node.create_client(ChangeState, name)
    assert graph.spin_until(client.service_is_ready, timeout_s), f'there is no {name}'
    state_of(graph, node)  # who answers this younger client has found the older one too
    transition = Transition(label=asked) if isinstance(asked, str) else asked
    future = client.call_async(ChangeState.Request(transition=transition))
    assert graph.spin_until(future.done, timeout_s), f'no answer of {name}'
    graph.node.destroy_client(client)
    return future.result().success


def state_of(graph, node):
    """Give the label of the state."""
    return call(graph, GetState, f'{node}/get_state', GetState.Request()).current_state.label


def set_parameter(graph, node, name, value):
    """Set a parameter; give why that was refused."""
    request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    return call(graph, SetParameters, f'{node}/set_parameters', request).results[0].reason
