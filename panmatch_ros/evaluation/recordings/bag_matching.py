"""
What a matcher makes of recorded images, in the form in which nodes publish it.

Frames are scored by what stands in the messages, so that scores do not depend on who computed.
"""
from dataclasses import dataclass, field
import time
from typing import Any

import numpy as np

from ...core.camera import StereoRig
from ...core.disparity import depth_from_parallax
from ...core.stereo_cameras import StereoCameras
from ...core.types import Disparity, Displacement
from ...data.bags.writer import (
    camera_info_message,
    disparity_message,
    flow_message,
    header,
    image_message,
)
from ...data.ros_arrays import disparity_of, flow_of
from ...inference.matcher import Matcher
from .frame_evaluator import Frame
from .frame_scores import FlowPart, StereoPart
from .recorded_inputs import Input, SingleInputs, StereoInputs

NAN = np.float32(np.nan)
PREFIX = '/panmatch'  # of the output topics, so that a bag can be played beside its input


@dataclass(frozen=True)
class MatchingOptions:
    """
    How images are matched, with the defaults of the nodes.

    :param stereo_confidence: pixels of a disparity map below become invalid.
    :param flow_confidence: pixels of a flow field below become invalid.
    :param max_gap_s: images further apart are not matched.
    :param back: whether the direction back is matched too, to compare the two.
    """

    stereo_confidence: float = 0.2
    flow_confidence: float = 0.0
    max_gap_s: float = 1.0
    back: bool = True


@dataclass(eq=False)
class Matched:
    """
    A frame that is matched.

    :param frame: for the evaluation.
    :param messages: by the name of the output, to be written.
    :param arrays: by name, to be written.
    """

    frame: Frame
    messages: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Older:
    """The image before."""

    stamp_ns: int
    run: int
    image: np.ndarray


class FrameMatcher:
    """
    Matches the inputs of a recording one after the other.

    :param matcher: what computes.
    :param inputs: what reads the messages.
    :param options: thresholds, and what to do.
    :param with_flow: whether the flow of the (left) camera is wanted.
    """

    def __init__(self, matcher: Matcher, inputs: SingleInputs | StereoInputs,
                 options: MatchingOptions, with_flow: bool) -> None:
        self._matcher, self._inputs, self._options = matcher, inputs, options
        self._stream = matcher.stream() if with_flow else None
        self._older: _Older | None = None
        self._prepared: set[tuple[str, int, int]] = set()

    def match(self, given: Input) -> Matched | None:
        """
        Match an input.

        :returns: None if there is nothing to match it with: the first image of a sequence.
        :raises PanMatchError: if it cannot be used.
        """
        matched = Matched(Frame(given.stamp_ns, given.run, given.number, given.frame_id))
        changes: dict[str, Any] = {}
        elapsed_ms = 0.0
        if isinstance(self._inputs, StereoInputs):
            left, right, cameras = self._inputs.read(given)
            self._prepare('stereo', left)
            changes['stereo'], elapsed_ms = self._stereo(matched, (left, right), cameras)
        else:
            left, cameras = self._inputs.read(given), None
        if self._stream is not None:
            self._prepare('flow', left)
            changes['flow'], flow_ms = self._flow(matched, left, cameras)
            elapsed_ms += flow_ms
        if not any(part is not None for part in changes.values()):
            return None
        matched.frame = Frame(given.stamp_ns, given.run, given.number, given.frame_id,
                              latency_ms=elapsed_ms, **changes)
        return matched

    def _prepare(self, task: str, image: np.ndarray) -> None:
        """Do before the first time measurement what only the first image waits for."""
        key = (task, image.shape[0], image.shape[1])
        if key not in self._prepared:
            self._matcher.prepare(task, key[1:])
            self._prepared.add(key)

    def _stereo(self, matched: Matched, images: tuple[np.ndarray, np.ndarray],
                cameras: StereoCameras | None) -> tuple[StereoPart, float]:
        start_s = time.perf_counter()
        result = self._matcher.match_stereo(*images)
        elapsed_ms = 1e3 * (time.perf_counter() - start_s)
        if cameras is not None:
            result = cameras.without_missing(result)
        rig = cameras.rig if cameras is not None else None
        disparity = self._publish_stereo(matched, result, rig, images[0].shape[1])
        back = match_back(self._matcher, *images) if self._options.back else None
        return StereoPart(*images, disparity, rig, back), elapsed_ms

    def _publish_stereo(self, matched: Matched, result: Disparity, rig: StereoRig | None,
                        width: int) -> np.ndarray:
        """Make the messages; give the disparity as a reader of them finds it."""
        sure = result.confidence >= np.float32(self._options.stereo_confidence)
        top = header(matched.frame.stamp_ns, matched.frame.frame_id)
        messages = matched.messages
        messages['confidence'] = image_message(top, result.confidence)
        if rig is None:
            disparity = np.where(sure, result.disparity, NAN)
            messages['disparity/image'] = image_message(top, disparity)
        else:
            parallax = result.disparity - np.float32(rig.cx_offset_px)
            parallax[~sure] = NAN
            depth = depth_from_parallax(parallax, rig)
            messages['disparity'] = disparity_message(
                top, parallax, rig, self._matcher.search_range(width),
                self._matcher.disparity_step)
            messages['depth'] = image_message(top, depth)
            messages['depth/camera_info'] = camera_info_message(top, rig.left)
            disparity = disparity_of(messages['disparity'], 'disparity', rig.cx_offset_px)
            matched.arrays['depth'] = depth
        matched.arrays |= {'disparity': disparity, 'confidence': result.confidence}
        return disparity

    def _flow(self, matched: Matched, image: np.ndarray,
              cameras: StereoCameras | None) -> tuple[FlowPart | None, float]:
        newer = _Older(matched.frame.stamp_ns, matched.frame.run, image)
        older, self._older = self._older, newer
        stream = self._stream
        assert stream is not None
        if older is None or not self._belong_together(older, newer) or stream.last is None:
            stream.forget()
            stream.next(image)
            return None, 0.0
        start_s = time.perf_counter()
        result = stream.next(image)
        elapsed_ms = 1e3 * (time.perf_counter() - start_s)
        if result is None:
            return None, 0.0
        if cameras is not None:
            result = cameras.flow_without_missing(result)
        flow = self._publish_flow(matched, result, older)
        back = self._matcher.match(image, older.image).flow if self._options.back else None
        return FlowPart(older.image, image, flow, older.stamp_ns, back), elapsed_ms

    def _publish_flow(self, matched: Matched, result: Displacement, older: _Older) -> np.ndarray:
        flow = result.flow.copy()
        flow[result.confidence < np.float32(self._options.flow_confidence)] = NAN
        frame = matched.frame
        message = flow_message(header(frame.stamp_ns, frame.frame_id), older.stamp_ns,
                               (frame.stamp_ns - older.stamp_ns) * 1e-9, flow, result.confidence)
        matched.messages['optical_flow'] = message
        matched.arrays |= {'flow': flow, 'flow_confidence': result.confidence}
        return flow_of(message, 'optical_flow')

    def _belong_together(self, older: _Older, newer: _Older) -> bool:
        return (older.run == newer.run and older.image.shape[:2] == newer.image.shape[:2]
                and newer.stamp_ns - older.stamp_ns <= self._options.max_gap_s * 1e9)


def match_back(matcher: Matcher, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """
    Match the right image to the left one.

    :param matcher: finds only what lies further left, so both images are mirrored.
    :returns: (H, W) float32 on the grid of the right image, ``x_left - x_right``, pixels.
    """
    mirrored = matcher.match_stereo(np.ascontiguousarray(right[:, ::-1]),
                                    np.ascontiguousarray(left[:, ::-1]))
    return np.ascontiguousarray(mirrored.disparity[:, ::-1])
