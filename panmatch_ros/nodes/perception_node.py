"""Stereo pairs in; disparity, depth, points, flow, scene flow and what moves out."""
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header

from ..core.errors import PanMatchError, PoseError
from ..inference.matcher import TASKS
from .conversions import stamp_ns
from .depth_outputs import publish_each
from .diagnostics import own_messages
from .flow_outputs import FlowFrame, FlowOutputs, sure_flow
from .inputs import InputTopic
from .pending_frames import PendingFrames
from .perception_parameters import PERCEPTION_NODE, perception_options
from .pose_sources import PoseSource, make_pose_source
from .process import run_node
from .rig_tracker import RigFrame, RigMatch, RigTracker
from .scene_flow_outputs import OUTPUTS as SCENE_FLOW
from .scene_flow_outputs import WITH_POSES, SceneFlowOutputs
from .statistics import FrameTimes, StopWatch
from .stereo_node import StereoNode
from .stereo_outputs import StereoFrame

FLOW = frozenset({'flow', 'flow/confidence', 'optical_flow'})


@dataclass(frozen=True, eq=False)
class Pair:
    """Messages of both images and both camera_info, their sequence, and the pose if needed."""

    messages: tuple[Any, ...]
    sequence: int
    T_fixed_camera: np.ndarray | None = None

    @property
    def stamp_ns(self) -> int:
        """Stamp of the left image."""
        return stamp_ns(self.messages[0])


class PerceptionNode(StereoNode):
    """
    Computes what ``StereoNode`` does, the flow of the left images, and scene flow of both.

    Topics, parameters and frames: ``docs/nodes.md``.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._poses: PoseSource | None = None
        super().__init__('perception_node', 'perception', PERCEPTION_NODE, perception_options,
                         **kwargs)
        self.engine_tasks = TASKS
        for name, message_type in (('flow', Image), ('flow/confidence', Image),
                                   ('scene_flow', PointCloud2)):
            self.add_output(name, message_type)
        messages = own_messages()
        if messages:
            self.add_output('optical_flow', messages.OpticalFlow)
        if self.settings.ego_motion != 'none':
            self.add_output('moving', Image)
        self._tracker, self._flow = RigTracker(), FlowOutputs()
        self._scene = SceneFlowOutputs(self.log)
        self._sequence = 0  # increases when stamps go back
        self._submitted_ns = -1  # stamp of the last pair that the worker got

    def more_inputs(self) -> list[InputTopic]:
        self._pending = PendingFrames(self._with_pose, self._submit, self._without_pose,
                                      self.settings.queue_size)
        if self.settings.ego_motion not in WITH_POSES:
            return []
        self._poses = make_pose_source(self.settings, self.log, self._pending.retry, 'ego_motion')
        return self._poses.topics

    def _on_complete(self, pair: tuple[Any, Any], infos: tuple[Any, Any]) -> None:
        item = Pair((*pair, *infos), self._sequence)
        if self._poses is None or not self.wanted() & SCENE_FLOW:
            self._submit(item)
        elif self._pending.add(item):
            self.statistics.count('dropped')

    def _with_pose(self, item: Pair) -> Pair:
        """Add the pose; a PanMatchError says what is missing."""
        assert self._poses is not None
        frame = self._parameters_now.values.camera_frame or item.messages[0].header.frame_id
        if not frame:
            raise PoseError(f'{self._images[0].resolved}: the images have no frame_id, so their '
                            'pose cannot be looked up: set camera_frame')
        return replace(item, T_fixed_camera=self._poses.pose(frame, item.stamp_ns))

    def _without_pose(self, item: Pair, reason: PanMatchError) -> None:
        """Do without scene flow: all else needs no pose."""
        waited_s = self._parameters_now.values.transform_timeout_seconds
        self._scene.refuse(f'a pair waited {waited_s:g} s in vain: {reason}')
        self._submit(item)

    def _submit(self, item: Pair) -> None:
        if item.stamp_ns <= self._submitted_ns:  # a later one had its pose before
            self.statistics.count('dropped')
            return
        self._submitted_ns = item.stamp_ns
        self.submit(item)

    def start_anew(self) -> None:
        super().start_anew()
        self.statistics.count('dropped', self._pending.clear())
        self._sequence += 1
        self._submitted_ns = -1

    def size_of(self, item: Pair) -> tuple[int, int]:
        return super().size_of(item.messages)

    def check_pending(self) -> None:
        super().check_pending()
        self._pending.expire(self._parameters_now.values.transform_timeout_seconds)

    def forget_pending(self) -> None:
        super().forget_pending()
        self._pending.clear()
        if self._poses is not None:
            self._poses.forget()
        self._sequence += 1  # pairs before and after the pause do not follow each other

    def release_matcher(self) -> None:
        self._tracker.forget()

    def output_problem(self) -> str:
        scene_flow = self._scene.problem if self.wanted() & SCENE_FLOW else ''
        return super().output_problem() or scene_flow

    def report_details(self) -> dict[str, Any]:
        return {**super().report_details(), **self._scene.details()}

    def process(self, item: Pair, wanted: frozenset[str]) -> tuple[Header, FrameTimes] | None:
        watch, times = StopWatch(), FrameTimes()
        left, right, cameras = self.read(item.messages)
        times.height, times.width = left.shape[:2]
        times.preprocess_ms = watch.lap_ms()
        header, matcher, stereo = item.messages[0].header, self.matcher, bool(wanted - FLOW)
        if stereo:
            search_range = matcher.search_range(times.width)
            step = matcher.disparity_step
            self._rectification.add(cameras, left, right, search_range,
                                    self.settings.rectification_check_interval)
        match = self._tracker.next(
            RigFrame(header, item.stamp_ns, left, right, cameras, item.sequence,
                     item.T_fixed_camera),
            matcher, stereo=stereo, flow=bool(wanted & (FLOW | SCENE_FLOW)),
            max_gap_s=self.settings.max_gap_seconds)
        times.inference_ms = watch.lap_ms()
        if match.disparity is not None:
            frame = StereoFrame(header, left, cameras.rig, match.disparity, search_range, step)
            times.postprocess_ms, times.publish_ms = self._messages.publish(
                frame, self.settings, self.outputs, wanted)
        elif match.flow is None:
            return None
        making_ms, publishing_ms = publish_each(self._of_motion(match, wanted), self.outputs)
        times.postprocess_ms += making_ms
        times.publish_ms += publishing_ms
        return header, times

    def _of_motion(self, match: RigMatch, wanted: frozenset[str]) -> Any:
        """Make the wanted outputs of two pairs, one after the other."""
        if match.older is None or match.flow is None:
            return
        flow = sure_flow(match.flow, self.settings.flow_confidence_threshold)
        yield from self._flow.messages(
            FlowFrame(match.frame.header, match.older.header, match.dt_s, flow,
                      match.flow.confidence), wanted)
        yield from self._scene.messages(match, self.settings, wanted)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(PerceptionNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
