"""
Pairing of left and right images by their stamps.

Where ``message_filters`` is installed its synchronizers do the matching; elsewhere the same
rules of ours serve, those of ``core/stamp_pairing.py``.
"""
from collections.abc import Callable
from typing import Any

from ..core import stamp_pairing
from ..core.stamp_pairing import OwnPairing, PairCallback, Pairing, drop_older


class MessageFiltersPairing:
    """The synchronizers of the ROS package message_filters, fed by hand."""

    def __init__(self, callback: PairCallback, queue_size: int, tolerance_ns: int) -> None:
        import message_filters
        self._inputs = [message_filters.SimpleFilter(), message_filters.SimpleFilter()]
        if tolerance_ns:
            self._filter = message_filters.ApproximateTimeSynchronizer(
                self._inputs, queue_size, tolerance_ns * 1e-9)
        else:
            self._filter = message_filters.TimeSynchronizer(self._inputs, queue_size)
        self._filter.registerCallback(callback)

    def add(self, index: int, stamp_ns: int, message: Any) -> None:
        self._inputs[index].signalMessage(message)

    def limit(self, tolerance_ns: int) -> None:
        from rclpy.duration import Duration
        self._filter.slop = Duration(nanoseconds=tolerance_ns)

    def forget(self, index: int, until_ns: int) -> None:
        drop_older(self._filter.queues[index], until_ns)


def message_filters_installed() -> bool:
    """Whether the Python package message_filters can be imported."""
    try:
        import message_filters
    except ImportError:
        return False
    return hasattr(message_filters, 'ApproximateTimeSynchronizer')


class PairSynchronizer(stamp_pairing.PairSynchronizer):
    """
    Pairs images, counts those that stay alone, and can start anew.

    :param callback: called with (left, right) messages, left first.
    :param queue_size: messages of each topic that wait for a partner.
    :param tolerance_ns: 0 for equal stamps, else the largest difference.
    :param pairing: class that matches; message_filters if installed by default.
    """

    def __init__(self, callback: PairCallback, queue_size: int = 5, tolerance_ns: int = 0,
                 pairing: Callable[[PairCallback, int, int], Pairing] | None = None) -> None:
        if pairing is None:
            pairing = MessageFiltersPairing if message_filters_installed() else OwnPairing
        super().__init__(callback, queue_size, tolerance_ns, pairing)
