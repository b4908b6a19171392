"""Run a matcher over a bag and score every frame: offline, in the order of the recording."""
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...core.camera import StereoRig
from ...core.errors import FormatError, PanMatchError
from ...core.image_message import stamp_ns
from ...data.bags.bag import Bag
from ...data.bags.cameras import info_of
from ...data.bags.records import Record
from ...data.bags.topics import TF_TYPE, Chosen
from ...data.bags.types import decode
from ...inference.matcher import Matcher
from .bag_matching import FrameMatcher, Matched, MatchingOptions
from .frame_evaluator import EvaluationOptions, Frame, FrameEvaluator, FrameScore, Remarks
from .recorded_inputs import Input, SingleInputs, StereoInputs

UNPAIRED_SHARE = 0.1  # of the images, from which on this is a problem: ends of a bag are ragged


@dataclass(frozen=True)
class RunOptions:
    """
    How a bag is evaluated.

    :param matching: how images are matched.
    :param evaluation: how results and truth are compared.
    :param tolerance_ns: of the stamps of a pair; 0 for equal ones.
    :param queue_size: images of each side that wait for their partner.
    :param rig: calibration in place of camera_info; None takes camera_info.
    """

    matching: MatchingOptions = field(default_factory=MatchingOptions)
    evaluation: EvaluationOptions = field(default_factory=EvaluationOptions)
    tolerance_ns: int = 0
    queue_size: int = 5
    rig: StereoRig | None = None


class BagRun:
    """
    One pass over a bag.

    :param bag: open.
    :param chosen: topics.
    :param matcher: what computes.
    :param options: how.
    :param on_matched: called with each frame that is matched and the time of its recording.
    :param on_score: called with the scores of each frame, and the frame.
    """

    def __init__(self, bag: Bag, chosen: Chosen, matcher: Matcher, options: RunOptions,
                 on_matched: Callable[[Matched, int], None],
                 on_score: Callable[[FrameScore, Frame], None]) -> None:
        self._bag, self._chosen, self._options = bag, chosen, options
        self._on_matched = on_matched
        self._log_ns = 0
        self._evaluator = FrameEvaluator(chosen.truths, on_score, options.evaluation)
        self._handlers: dict[str, Callable[[Any], None]] = {}
        self._failed, self._matched_frames = Remarks(), 0
        self.inputs = self._make_inputs()
        self._matcher = FrameMatcher(matcher, self.inputs, options.matching,
                                     with_flow=chosen.task != 'stereo')
        self._handle_truths()

    def run(self) -> None:
        """Read the bag to its end; partial results have been handed over if it raises."""
        try:
            for record in self._bag.messages(self._handlers):
                self._log_ns = record.log_ns
                self._take(record)
        finally:
            self._evaluator.flush()

    @property
    def counts(self) -> dict[str, int]:
        """How many of what there was."""
        return {'images': sum(self.inputs.received), 'inputs': self.inputs.number,
                'frames_matched': self._matched_frames,
                'frames_failed': sum(self._failed.counts().values()),
                'images_unpaired': self.inputs.unpaired, 'images_late': self.inputs.late,
                'time_jumps': self.inputs.run,
                **{f'{kind}_messages': count
                   for kind, count in self._evaluator.received.items()}}

    def problems(self) -> list[str]:
        """Say what was lost, each in one line."""
        found = [*self._chosen.problems, *self._bag.problems]
        found += [f'{count} frames failed: {text}' for text, count in
                  self._failed.counts().items()]
        images, unpaired = sum(self.inputs.received), self.inputs.unpaired
        if images and unpaired > max(UNPAIRED_SHARE * images, 2):
            rule = (f'within {self._options.tolerance_ns / 1e6:g} ms' if self._options.tolerance_ns
                    else 'with equal stamps')
            found.append(f'{unpaired} of {images} images have no partner {rule}: are the cameras '
                         'triggered together? (--sync-tolerance pairs stamps that differ)')
        if not self._matched_frames:
            return [*found, 'no frame was matched']
        return found + self._evaluator.problems()

    def notes(self) -> list[str]:
        """Say what is worth knowing, each in one line."""
        found = [*self._chosen.notes]
        if self.inputs.run:
            found.append(f'stamps went back in time ({self.inputs.run} times); a new run begins '
                         'there, and no score compares across it')
        if self.inputs.late:
            found.append(f'{self.inputs.late} images came late or with a stamp that was there '
                         'before, and are left out')
        unknown = [f'{topic.name} ({topic.message_type})' for topic in self._bag.unknown]
        if unknown:
            found.append(f'not read, since nobody knows the message type: {", ".join(unknown)}')
        found += [f'{text} ({count} frames)' for text, count in
                  self._evaluator.remarks.counts().items()]
        return found

    def _make_inputs(self) -> SingleInputs | StereoInputs:
        cameras = self._chosen.cameras
        inputs: SingleInputs | StereoInputs
        if self._chosen.task == 'flow':
            inputs = SingleInputs(cameras[0].image, self._on_input)
        else:
            inputs = StereoInputs(
                [camera.image for camera in cameras],
                [camera.info or info_of(camera.image) for camera in cameras],
                self._on_input, rectify=self._chosen.rectify,
                tolerance_ns=self._options.tolerance_ns, queue_size=self._options.queue_size)
            if self._options.rig is not None:
                inputs.use(self._options.rig, '--calib')
            self._handle_infos(inputs)
        for index, camera in enumerate(cameras):
            self._handlers[camera.image] = partial(inputs.add_image, index)
        return inputs

    def _handle_infos(self, inputs: StereoInputs) -> None:
        for index, camera in enumerate(self._chosen.cameras):
            if camera.calibration is not None:
                inputs.add_info(index, camera.calibration)  # of images before the first one
            if camera.info:
                self._handlers[camera.info] = partial(inputs.add_info, index)

    def _handle_truths(self) -> None:
        for kind, topic in self._chosen.truths.items():
            self._handlers[topic] = partial(self._evaluator.add_truth, kind)
        if 'lidar' not in self._chosen.truths:
            return
        for name, found in self._bag.topics.items():
            if found.message_type == TF_TYPE:
                self._handlers[name] = partial(self._evaluator.add_transforms,
                                               static=name.endswith('tf_static'))

    def _take(self, record: Record) -> None:
        try:
            message = decode(record.data, record.message_type, record.topic)
            if hasattr(message, 'header') and stamp_ns(message) < 0:
                raise FormatError(f'{record.topic}: the stamp is negative')
        except FormatError as error:
            self._failed.add(str(error))
            return
        self._handlers[record.topic](message)

    def _on_input(self, given: Input) -> None:
        try:
            matched = self._matcher.match(given)
        except PanMatchError as error:
            self._failed.add(str(error))
            return
        if matched is None:
            return
        self._matched_frames += 1
        self._on_matched(matched, self._log_ns)
        self._evaluator.add(matched.frame)
