"""Inputs and results that arrive on topics, joined by their stamps to frames to be scored."""
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from ...core.disparity import disparity_from_depth
from ...core.errors import CalibrationError, ImageError, PanMatchError
from ...core.image_message import stamp_ns
from ...data.ros_arrays import depth_of, disparity_of, flow_of
from ...inference.matcher import Matcher
from .bag_matching import match_back
from .frame_evaluator import Frame, Remarks
from .frame_scores import FlowPart, StereoPart
from .recorded_inputs import Input, SingleInputs, StereoInputs

MOST_PENDING = 30  # inputs that wait for their result
MOST_RESULTS = 60  # of each topic that wait for their input


@dataclass(frozen=True, eq=False)
class _Arrived:
    """A message or input, and when it was complete, seconds of a clock that never jumps."""

    value: Any
    time_s: float


class LiveFrames:
    """
    Joins inputs and results.

    A result belongs to the input of its stamp. Matchers answer in order, so an input without
    result is given up when a later one has all of its own.

    :param results: topics that are awaited, by their kinds: ``disparity`` or ``depth``, and
        ``optical_flow``.
    :param on_frame: called with each frame, in the order of the inputs.
    :param back: what matches the direction back; None if that is not wanted.
    """

    def __init__(self, results: dict[str, str], on_frame: Callable[[Frame], None],
                 back: Matcher | None = None) -> None:
        self._topics, self._on_frame, self._back = results, on_frame, back
        self.inputs: SingleInputs | StereoInputs | None = None  # gives inputs to add_input
        self._pending: deque[_Arrived] = deque()
        self._results: dict[str, dict[int, _Arrived]] = {kind: {} for kind in results}
        self._images: dict[int, Input] = {}  # the last inputs, for the older image of a flow
        self._last: tuple[int, np.ndarray] | None = None  # left image of the last frame
        self.now_s = 0.0  # when the message that is being added arrived
        self.unpredicted, self.predicted = 0, 0
        self.failed = Remarks()

    @property
    def pending(self) -> int:
        """Inputs that wait for their result."""
        return len(self._pending)

    def add_input(self, given: Input) -> None:
        """Take an input."""
        self._pending.append(_Arrived(given, self.now_s))
        self._images[given.stamp_ns] = given
        while len(self._images) > MOST_RESULTS:
            del self._images[next(iter(self._images))]
        while len(self._pending) > MOST_PENDING:
            self._finish(self._pending.popleft())
        self.work()

    def add_result(self, kind: str, message: Any) -> None:
        """Take a result."""
        results = self._results[kind]
        results[stamp_ns(message)] = _Arrived(message, self.now_s)
        while len(results) > MOST_RESULTS:
            del results[next(iter(results))]
        self.work()

    def work(self) -> None:
        """Finish the inputs that have all results, and those before them."""
        complete = [index for index, each in enumerate(self._pending)
                    if self._is_complete(each.value)]
        for _ in range(complete[-1] + 1 if complete else 0):
            self._finish(self._pending.popleft())

    def flush(self) -> None:
        """Finish all inputs now: nothing more will come."""
        while self._pending:
            self._finish(self._pending.popleft())

    def _is_complete(self, given: Input) -> bool:
        return all(given.stamp_ns in results for results in self._results.values())

    def _finish(self, arrived: _Arrived) -> None:
        given = arrived.value
        found = {kind: results.pop(given.stamp_ns) for kind, results in self._results.items()
                 if given.stamp_ns in results}
        if not found:
            self.unpredicted += 1
            return
        latency_ms = 1e3 * max(result.time_s - arrived.time_s for result in found.values())
        messages = {kind: result.value for kind, result in found.items()}
        try:
            frame = self._frame(given, messages, latency_ms if latency_ms >= 0 else math.nan)
        except PanMatchError as error:
            self.failed.add(str(error))
            return
        self.predicted += 1
        self._on_frame(frame)

    def _frame(self, given: Input, messages: dict[str, Any], latency_ms: float) -> Frame:
        parts: dict[str, Any] = {}
        if isinstance(self.inputs, StereoInputs):
            left, right, cameras = self.inputs.read(given)
            if messages.keys() & {'disparity', 'depth'}:
                if cameras is None:
                    raise CalibrationError('images and results arrive, but no camera_info: they '
                                           'are not compared')
                parts['stereo'] = self._stereo(messages, (left, right), cameras.rig)
        else:
            assert self.inputs is not None  # who made this object sets it before the first input
            left = self.inputs.read(given)
        if 'optical_flow' in messages:
            parts['flow'] = self._flow(messages['optical_flow'], left)
        self._last = given.stamp_ns, left
        return Frame(given.stamp_ns, given.run, given.number, given.frame_id,
                     latency_ms=latency_ms, **parts)

    def _stereo(self, messages: dict[str, Any], images: tuple[np.ndarray, np.ndarray],
                rig: Any) -> StereoPart:
        if 'disparity' in messages:
            disparity = disparity_of(messages['disparity'], self._topics['disparity'],
                                     rig.cx_offset_px)
        else:
            disparity = disparity_from_depth(depth_of(messages['depth'], self._topics['depth']),
                                             rig)
        back = match_back(self._back, *images) if self._back is not None else None
        return StereoPart(*images, disparity, rig, back)

    def _flow(self, message: Any, newer: np.ndarray) -> FlowPart:
        topic = self._topics['optical_flow']
        stamp = message.source_stamp
        source_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        older = self._image_of(source_ns)
        if older is None:
            raise ImageError(f'{topic}: the older image, of {source_ns / 1e9:.3f} s, did not come '
                             'here')
        flow = flow_of(message, topic)
        back = self._back.match(newer, older).flow if self._back is not None else None
        return FlowPart(older, newer, flow, source_ns, back)

    def _image_of(self, source_ns: int) -> np.ndarray | None:
        """Give the (left) image of a stamp, rectified."""
        if self._last is not None and self._last[0] == source_ns:
            return self._last[1]
        given = self._images.get(source_ns)
        if given is None or self.inputs is None:
            return None
        if isinstance(self.inputs, StereoInputs):
            return self.inputs.read(given)[0]
        return self.inputs.read(given)
