"""The nodes as programs: they say what to do where ROS 2 is not active."""
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
import os
import signal


def stereo_node() -> int | str:
    """Run the stereo node."""
    return _run('stereo_node')


def flow_node() -> int | str:
    """Run the flow node."""
    return _run('flow_node')


def match_node() -> int | str:
    """Run the match node."""
    return _run('match_node')


def motion_depth_node() -> int | str:
    """Run the node of depth from motion."""
    return _run('motion_depth_node')


def perception_node() -> int | str:
    """Run the node of stereo, flow and scene flow."""
    return _run('perception_node')


def managed_stereo_node() -> int | str:
    """Run the stereo node as a managed node."""
    return _run('managed', 'stereo')


def managed_flow_node() -> int | str:
    """Run the flow node as a managed node."""
    return _run('managed', 'flow')


def managed_match_node() -> int | str:
    """Run the match node as a managed node."""
    return _run('managed', 'match')


def managed_motion_depth_node() -> int | str:
    """Run the node of depth from motion as a managed node."""
    return _run('managed', 'motion_depth')


def managed_perception_node() -> int | str:
    """Run the node of stereo, flow and scene flow as a managed node."""
    return _run('managed', 'perception')


def image_player() -> int | str:
    """Run the image player."""
    return _run('image_player')


def recorder() -> int | str:
    """Run the recorder."""
    return _run('recorder')


def evaluator_node() -> int | str:
    """Run the evaluator."""
    return _run('evaluator_node')


def bag_player() -> int | str:
    """Run the player of bags."""
    return _run('bag_player')


def _run(name: str, *tasks: str) -> int | str:
    """
    Import a node and run it.

    :param name: module of the node.
    :param tasks: what its ``main`` is told.
    :returns: exit code, or the text for ``sys.exit()`` if a module is missing.
    """
    try:
        with _ending_at_signals():
            module = import_module(f'.{name}', __package__)
            for task in tasks:
                import_module(f'.{task}_node', __package__)
    except ModuleNotFoundError as error:
        if str(error.name).startswith('panmatch_ros'):
            raise
        program = '_'.join([name, *(f'{task}_node' for task in tasks)])
        return (f'panmatch_{program}: error: {error}: source your ROS 2 installation first, or '
                '`source tools/activate.sh` after `make setup` (`panmatch doctor` says more)')
    return module.main(*tasks)


@contextmanager
def _ending_at_signals() -> Iterator[None]:
    """End at once at Ctrl-C or SIGTERM: imports take a while and leave nothing to clean up."""
    signals = [number for number in (signal.SIGINT, signal.SIGTERM)
               if signal.getsignal(number) is not signal.SIG_IGN]
    handlers = [signal.signal(number, lambda *_: os._exit(0)) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)
