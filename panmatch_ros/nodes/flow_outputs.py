"""The messages of nodes that publish flow: the flow, its confidence, and both in one."""
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from std_msgs.msg import Header

from ..core.types import Displacement
from .diagnostics import own_messages
from .outputs import ImageBuffer


@dataclass(frozen=True, eq=False)
class FlowFrame:
    """
    What the outputs of two images are made of.

    :param header: of the newer image, which the flow goes to; that of the outputs.
    :param older: header of the older image, on whose grid the flow is.
    :param dt_s: time between them, seconds.
    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :param confidence: (H, W) float32 in [0, 1].
    """

    header: Header
    older: Header
    dt_s: float
    flow: np.ndarray
    confidence: np.ndarray


class FlowOutputs:
    """Makes each message in buffers that are kept; one object serves one thread."""

    def __init__(self) -> None:
        self._flow, self._confidence = ImageBuffer('32FC2'), ImageBuffer('32FC1')

    def messages(self, frame: FlowFrame, wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
        """Give the wanted messages with the names of their outputs, one after the other."""
        header = frame.header
        if wanted & {'flow', 'optical_flow'}:
            flow_message = self._flow.fill(header, frame.flow)
        if wanted & {'flow/confidence', 'optical_flow'}:
            confidence_message = self._confidence.fill(header, frame.confidence)
        if 'flow' in wanted:
            yield 'flow', flow_message
        if 'flow/confidence' in wanted:
            yield 'flow/confidence', confidence_message
        if 'optical_flow' in wanted:
            messages = own_messages()
            assert messages is not None  # the output exists only where the messages do
            yield 'optical_flow', messages.OpticalFlow(
                header=header, source_stamp=frame.older.stamp, dt=frame.dt_s,
                flow=flow_message, confidence=confidence_message)


def sure_flow(result: Displacement, threshold: float) -> np.ndarray:
    """
    Leave out what is not sure.

    :param threshold: what is less confident becomes NaN; 0 keeps all.
    :returns: (H, W, 2) float32, pixels; that of the result itself if all is kept.
    """
    if threshold <= 0:
        return result.flow
    flow = result.flow.copy()
    flow[result.confidence < np.float32(threshold)] = np.nan
    return flow
