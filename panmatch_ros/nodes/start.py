"""Console scripts of the nodes: they say what to do where ROS 2 is not active."""
from importlib import import_module


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


def image_player() -> int | str:
    """Run the image player."""
    return _run('image_player')


def recorder() -> int | str:
    """Run the recorder."""
    return _run('recorder')


def _run(name: str) -> int | str:
    """
    Import a node and run it.

    :param name: module of the node.
    :returns: exit code, or the text for ``sys.exit()`` if a module is missing.
    """
    try:
        module = import_module(f'.{name}', __package__)
    except ModuleNotFoundError as error:
        if str(error.name).startswith('panmatch_ros'):
            raise
        return (f'panmatch_{name}: error: {error}: source your ROS 2 installation first, or '
                '`source tools/activate.sh` after `make setup` (`panmatch doctor` says more)')
    return module.main()
