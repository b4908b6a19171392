"""
Frames of a recording wait for their ground truth, and are scored in the order of their stamps.

The same for a bag that is read and for topics that arrive: what is known about a frame does not
depend on when it came, as long as it came at all.
"""
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import re
from typing import Any

import numpy as np

from ...core.errors import PanMatchError
from ...core.image_message import stamp_ns
from ...core.point_projection import sparse_depth
from ...core.stamp_guard import JUMP, StampGuard
from ...core.transform_tree import OwnBuffer, TransformError, frame_name
from ...data.ros_arrays import depth_of, disparity_of, flow_of, points_of
from . import frame_scores
from .frame_scores import FlowPart, Scores, StereoPart
from .truth_track import TruthTrack

TRUTHS = ('depth', 'disparity', 'flow', 'lidar')
MOST_WAITING = 20  # frames that wait for their truth; older ones are scored without
DEFAULT_TOLERANCE_S, DEFAULT_MAX_DEPTH_M = 0.02, 80.0


@dataclass(frozen=True, eq=False)
class Frame:
    """
    One frame and what the matcher made of it.

    :param stamp_ns: of the (left, newer) image, nanoseconds.
    :param run: how often stamps went back before it.
    :param number: of the input within all; those of consecutive inputs differ by one.
    :param frame_id: of the (left) camera.
    :param stereo: the pair, if there is one.
    :param flow: of the (left) camera, if there is one.
    :param latency_ms: from the input to the result.
    """

    stamp_ns: int
    run: int
    number: int
    frame_id: str
    stereo: StereoPart | None = None
    flow: FlowPart | None = None
    latency_ms: float = float('nan')


@dataclass(frozen=True)
class FrameScore:
    """
    The scores of a frame.

    :param stamp_ns: of the frame.
    :param run: how often stamps went back before it.
    :param previous_ns: stamp of the frame that it was compared with; None if there was none.
    :param scores: by the names of ``frame_table.SCORES``; those that are not known are missing.
    """

    stamp_ns: int
    run: int
    previous_ns: int | None
    scores: Scores


@dataclass(frozen=True)
class EvaluationOptions:
    """
    How frames and truth are compared.

    :param tolerance_s: truth whose stamp is farther from that of the frame is not used.
    :param max_depth_m: farther truth is not counted.
    """

    tolerance_s: float = DEFAULT_TOLERANCE_S
    max_depth_m: float = DEFAULT_MAX_DEPTH_M


class Remarks:
    """Texts that come again and again, with other numbers: each once, with how often it came."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, int]] = {}

    def add(self, text: str) -> None:
        """Note a text."""
        key = re.sub(r'[0-9.-]+', '#', text)
        first, count = self._found.get(key, (text, 0))
        self._found[key] = first, count + 1

    def counts(self) -> dict[str, int]:
        """Give the first text of each kind, and how many there were."""
        return dict(list(self._found.values()))  # a copy first: another thread may add


class FrameEvaluator:
    """
    Scores frames one after the other.

    :param truths: topic of each kind of truth that there is; kinds are those of ``TRUTHS``.
    :param on_score: called with the scores of each frame, and the frame.
    :param options: how to compare.
    """

    def __init__(self, truths: dict[str, str], on_score: Callable[[FrameScore, Frame], None],
                 options: EvaluationOptions | None = None) -> None:
        self._options = options or EvaluationOptions()
        self._topics, self._on_score = truths, on_score
        tolerance_ns = round(self._options.tolerance_s * 1e9)
        self._tracks = {kind: TruthTrack(tolerance_ns) for kind in truths}
        self._transforms, self._guards = OwnBuffer(), dict[str, StampGuard]()
        self._waiting: deque[Frame] = deque()
        self._previous: Frame | None = None
        self._compare = {'depth': self._depth_scores, 'disparity': self._disparity_scores,
                         'flow': self._flow_scores, 'lidar': self._lidar_scores}
        self.remarks = Remarks()  # why truth was not used
        self.compared = dict.fromkeys(truths, 0)  # frames, by the kind of truth

    @property
    def received(self) -> dict[str, int]:
        """How many messages of each kind of truth came."""
        return {kind: track.received for kind, track in self._tracks.items()}

    def problems(self) -> list[str]:
        """Name the truth that no frame could be compared with."""
        return [f'no frame was compared with the {kind} truth of {self._topics[kind]}'
                for kind, count in self.compared.items() if not count]

    def add(self, frame: Frame) -> None:
        """Take a frame; frames come in the order of their runs and stamps."""
        self._waiting.append(frame)
        while len(self._waiting) > MOST_WAITING:
            self._score_first()
        self.work()

    def add_truth(self, kind: str, message: Any) -> None:
        """Take a message of ground truth."""
        self._tracks[kind].add(message)
        self.work()

    def add_transforms(self, message: Any, static: bool) -> None:
        """Take a ``tf2_msgs/TFMessage``."""
        for transform in message.transforms:
            guard = self._guards.setdefault(transform.child_frame_id, StampGuard())
            if not static and guard.check(stamp_ns(transform)) == JUMP:
                self._transforms.clear()
                self._guards = {transform.child_frame_id: guard}
            try:
                self._transforms.set(transform, static)
            except TransformError as error:
                self.remarks.add(f'TF: {error}; it is left out')
        self.work()

    def work(self) -> None:
        """Score the frames that need not wait."""
        while self._waiting and self._is_settled(self._waiting[0]):
            self._score_first()

    def flush(self) -> None:
        """Score all frames now: nothing more will come."""
        while self._waiting:
            self._score_first()

    def _is_settled(self, frame: Frame) -> bool:
        for kind, track in self._tracks.items():
            if not track.is_settled(frame.run, frame.stamp_ns):
                return False
            if kind == 'lidar':
                cloud = track.nearest(frame.run, frame.stamp_ns)
                try:
                    _ = cloud is not None and self._pose(frame, cloud)
                except TransformError:
                    return False
        return True

    def _pose(self, frame: Frame, cloud: Any) -> np.ndarray:
        """Give the (4, 4) transform of a cloud into the camera of a frame."""
        if frame_name(cloud.header.frame_id) == frame_name(frame.frame_id):
            return np.eye(4)  # which TF need not know, as of a simulator
        return self._transforms.lookup(frame.frame_id, cloud.header.frame_id, stamp_ns(cloud))

    def _score_first(self) -> None:
        frame = self._waiting.popleft()
        scores: Scores = {}
        if frame.stereo is not None:
            scores |= frame_scores.stereo_scores(frame.stereo)
        if frame.flow is not None:
            scores |= frame_scores.flow_scores(frame.flow)
        previous = self._compare_with_previous(frame, scores)
        self._compare_with_truth(frame, scores)
        scores['latency_ms'] = frame.latency_ms
        self._previous = frame
        self._on_score(FrameScore(frame.stamp_ns, frame.run, previous, scores), frame)

    def _compare_with_previous(self, frame: Frame, scores: Scores) -> int | None:
        """Add what depends on the frame before; give its stamp, or that of the older image."""
        before, flow = self._previous, frame.flow
        source_ns = None if flow is None else flow.source_ns
        if before is None or before.run != frame.run or before.number + 1 != frame.number:
            return source_ns
        if flow is not None and flow.source_ns != before.stamp_ns:
            return source_ns
        if frame.stereo is not None and before.stereo is not None:
            scores |= frame_scores.stereo_change(frame.stereo, before.stereo, flow)
        if flow is not None and before.flow is not None:
            scores |= frame_scores.flow_change(flow, before.flow)
        return before.stamp_ns

    def _compare_with_truth(self, frame: Frame, scores: Scores) -> None:
        for kind, track in self._tracks.items():
            message = track.nearest(frame.run, frame.stamp_ns)
            track.forget_before(frame.run, frame.stamp_ns)
            part = frame.flow if kind == 'flow' else frame.stereo
            if part is None:
                continue
            topic = self._topics[kind]
            if message is None:
                self.remarks.add(f'{topic}: no message within '
                                 f'{self._options.tolerance_s * 1e3:g} ms of the frame')
                continue
            try:
                scores |= self._compare[kind](topic, frame, message)
                self.compared[kind] += 1
            except PanMatchError as error:
                text = str(error)
                self.remarks.add(text if text.startswith(topic) else f'{topic}: {text}')

    def _depth_scores(self, topic: str, frame: Frame, message: Any) -> Scores:
        assert frame.stereo is not None
        return frame_scores.depth_truth_scores(frame.stereo, depth_of(message, topic),
                                               self._options.max_depth_m)

    def _disparity_scores(self, topic: str, frame: Frame, message: Any) -> Scores:
        assert frame.stereo is not None
        rig = frame.stereo.rig
        truth = disparity_of(message, topic, rig.cx_offset_px if rig else 0.0)
        return frame_scores.disparity_truth_scores(frame.stereo, truth)

    def _flow_scores(self, topic: str, frame: Frame, message: Any) -> Scores:
        assert frame.flow is not None
        return frame_scores.flow_truth_scores(frame.flow, flow_of(message, topic))

    def _lidar_scores(self, topic: str, frame: Frame, message: Any) -> Scores:
        assert frame.stereo is not None
        points = points_of(message, topic)
        camera = frame_scores.known_rig(frame.stereo).left
        sparse = sparse_depth(points, self._pose(frame, message), camera)
        return frame_scores.lidar_scores(frame.stereo, sparse, self._options.max_depth_m)
