"""Running a node as a process: memory settings, signals, exit codes."""
from collections.abc import Callable
import ctypes
import gc
import os
import signal
import sys
from threading import Event

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.utilities import remove_ros_args

from ..core.errors import PanMatchError
from .log_forwarding import forwarded_logging

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


def run_node(make_node: Callable[[], Node], args: list[str] | None = None) -> int:
    """
    Create a node, spin it until Ctrl-C or shutdown, clean up.

    :param make_node: makes the node after ROS is initialised; a node with a ``stop`` method
        is stopped before it is destroyed. If that gives False, a thread is still at work: then
        the process ends here, without Python's own end.
    :param args: command line; that of the process by default.
    :returns: exit code: 0 after a requested end, 1 if the node could not start.
    """
    keep_freed_memory()
    is_busy = Event()
    try:
        code = _init_spin_clean_up(make_node, sys.argv if args is None else args, is_busy)
    except KeyboardInterrupt:  # it may come as late as in the clean-up
        code = 0
    finally:
        # Python ends as if killed by Ctrl-C when the exception passed an exec() of a string, as
        # in dataclasses, even if it was caught. Another exec() clears that note.
        exec('')
    if is_busy.is_set():
        # A network may compute for many seconds. The usual end would tear down what the thread
        # uses, and the process would abort instead of ending with its code.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _init_spin_clean_up(make_node: Callable[[], Node], args: list[str], is_busy: Event) -> int:
    node, initialised = None, False
    try:
        rclpy.init(args=args)
        initialised = True
        _warn_of_arguments(remove_ros_args(args)[1:])
        node = make_node()
        gc.freeze()  # what lives as long as the node need not be searched at every collection
        with forwarded_logging(node.get_logger()):
            rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except SystemExit as end:  # a node that finished its task
        return int(end.code or 0)
    except PanMatchError as error:
        get_logger('panmatch_ros').fatal(str(error))
        return 1
    except Exception as error:
        # A signal shuts ROS down at once; what the node does with it just then raises.
        if initialised and not rclpy.ok():
            return 0
        if node is not None:
            raise
        # It could not start: rclpy refuses wrong parameters in many ways.
        first_line = next(iter(str(error).strip().splitlines()), 'no reason given')
        get_logger('panmatch_ros').fatal(f'cannot start: {type(error).__name__}: {first_line}')
        return 1
    finally:
        # A second Ctrl-C must not interrupt the clean-up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            stop = getattr(node, 'stop', None)
            if stop is not None and stop() is False:
                is_busy.set()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _warn_of_arguments(others: list[str]) -> None:
    if others:
        get_logger('panmatch_ros').warning(
            f'ignored, for they do not come after --ros-args: {" ".join(others)}; an example is '
            '--ros-args -p matcher:=classical -r image:=/camera/image_raw')


def keep_freed_memory() -> None:
    """
    Let glibc keep large freed blocks for the next frame.

    By default each buffer of some megabytes is mapped and unmapped again, and the page faults
    cost more than the serialisation itself. Other C libraries have no such call; then nothing
    happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
    mallopt(M_TOP_PAD, 64 << 20)
