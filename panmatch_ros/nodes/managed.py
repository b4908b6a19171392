"""The matcher nodes as managed (lifecycle) nodes; see docs/lifecycle.md."""
from collections.abc import Callable
from functools import partial, wraps
from importlib import import_module
import time
import traceback
from typing import Any

from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn

from ..core.errors import PanMatchError
from ..inference.matcher_cache import MatcherCache
from .process import run_node

NODES = {'stereo': 'StereoNode', 'flow': 'FlowNode', 'match': 'MatchNode',
         'motion_depth': 'MotionDepthNode', 'perception': 'PerceptionNode'}
WAIT_S = 0.005  # how often to look whether the last frame is finished


def transition(run: Callable[['ManagedNode'], TransitionCallbackReturn | None]
               ) -> Callable[['ManagedNode', LifecycleState], TransitionCallbackReturn]:
    """Make the callback of a transition; rclpy itself would hide the error that one raises."""
    @wraps(run)
    def callback(node: 'ManagedNode', state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return run(node) or TransitionCallbackReturn.SUCCESS
        except Exception as error:
            text = ''.join(traceback.format_exception(error))
            node.get_logger().error(f'{run.__name__}: unexpected error, please report it:\n{text}')
            return TransitionCallbackReturn.ERROR
    return callback


class ManagedNode(LifecycleNodeMixin):
    """
    Gives the matcher node that comes next among the bases the states of a managed node.

    Its gate ``is_active`` is open in the state active only. The matcher is made when the node is
    configured, and let go of when it is cleaned up or anything goes wrong in a transition.
    """

    def __init__(self, **kwargs: Any) -> None:
        super(LifecycleNodeMixin, self).__init__(**kwargs)  # the matcher node
        self.is_active = False
        LifecycleNodeMixin.__init__(self)
        service = self._service_change_state
        service.callback = partial(self._change_state_if_possible, service.callback)

    @property
    def state(self) -> str:
        """Label of the state that the node is in."""
        return self._state_machine.current_state[1]

    @transition
    def on_configure(self) -> TransitionCallbackReturn:
        """Make the matcher for the parameters as they are now."""
        self.settings = self._parameters_now.values
        try:
            for task in self.engine_tasks:
                self.matcher.for_task(task)
        except PanMatchError as error:
            self.get_logger().error(f'the node cannot be configured: {error}')
            self._forget_matcher()
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_activate(self) -> None:
        """Start to work: inputs open at once if an output is wanted already."""
        self.close_inputs()  # on Humble they were open all the time, and messages came
        self.is_active = True
        self._poll()

    @transition
    def on_deactivate(self) -> None:
        """Stop to work; nothing is published after this."""
        self._stop_work()

    @transition
    def on_cleanup(self) -> None:
        """Let go of the matcher."""
        self._forget_matcher()

    @transition
    def on_shutdown(self) -> None:
        """Let go of everything, the worker thread too."""
        self._stop_work()
        self._forget_matcher()
        self.stop()

    @transition
    def on_error(self) -> None:
        """Go back to where the node can be configured again."""
        self._stop_work()
        self._forget_matcher()

    def idle_reason(self) -> str:
        return super().idle_reason() if self.is_active else self.state

    def destroy_node(self) -> None:
        """Destroy the node at once: its state machine would keep it until it is collected."""
        super().destroy_node()
        del self._state_machine

    def _stop_work(self) -> None:
        """Close the gate and the inputs, drop what waits, and see the last frame out."""
        self.is_active = False
        self.close_inputs()
        if self.worker.clear():
            self.statistics.count('dropped')
        while not self.worker.idle and self.context.ok():
            time.sleep(WAIT_S)

    def _forget_matcher(self) -> None:
        """Drop the matcher, and what is remembered of one that could not be made."""
        self.release_matcher()
        self._matchers = MatcherCache(self.release_matcher)

    def _change_state_if_possible(self, change: Callable[[Any, Any], Any], request: Any,
                                  response: Any) -> Any:
        """Answer a request; one that does not fit the state would end the node in rclpy."""
        asked = request.transition
        possible = {label: number for number, label, *_ in
                    self._state_machine.available_transitions}
        if asked.label in possible or (not asked.label and asked.id in possible.values()):
            return change(request, response)
        self.get_logger().warning(
            f'there is no transition {asked.label or asked.id} from the state {self.state}; '
            f'there are: {", ".join(possible) or "none"}')
        response.success = False
        return response


def managed(task: str) -> type:
    """
    Make the managed variant of a node.

    :param task: one of ``NODES``.
    """
    base = getattr(import_module(f'.{task}_node', __package__), NODES[task])
    return type(f'Managed{base.__name__}', (ManagedNode, base), {'__doc__': base.__doc__})


def main(task: str, args: list[str] | None = None) -> int:
    """
    Run a managed node.

    :param task: one of ``NODES``.
    """
    return run_node(managed(task), args)
