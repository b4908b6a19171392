"""Managed nodes in tests: their states, and requests from outside."""
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from panmatch_ros.nodes.managed import managed

SUCCESS, FAILURE, ERROR = (TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE,
                           TransitionCallbackReturn.ERROR)


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
    """Call a service of a node in this process or another, and give the response."""
    client = graph.node.create_client(service_type, name)
    assert graph.spin_until(client.service_is_ready, timeout_s), f'there is no {name}'
    future = client.call_async(request)
    assert graph.spin_until(future.done, timeout_s), f'no answer of {name}'
    graph.node.destroy_client(client)
    return future.result()


def change(graph, node, label):
    """Ask for a transition by its label; give whether it succeeded."""
    request = ChangeState.Request(transition=Transition(label=label))
    return call(graph, ChangeState, f'{node}/change_state', request).success


def state_of(graph, node):
    """Give the label of the state."""
    return call(graph, GetState, f'{node}/get_state', GetState.Request()).current_state.label


def set_parameter(graph, node, name, value):
    """Set a parameter; give why that was refused."""
    request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    return call(graph, SetParameters, f'{node}/set_parameters', request).results[0].reason
