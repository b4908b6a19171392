"""Stereo pairs in; disparity, depth, points, flow, scene flow and what moves out."""
from functools import partial
from typing import Any

from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header

from ..core.types import Disparity
from ..inference.matcher import TASKS
from .depth_outputs import publish_each
from .diagnostics import own_messages
from .filter_parameters import filtered
from .flow_outputs import FlowFrame, FlowOutputs, sure_flow
from .inputs import InputTopic
from .perception_parameters import PERCEPTION_NODE, perception_options
from .pose_queue import Pair, PoseQueue
from .process import run_node
from .rig_tracker import RigFrame, RigMatch, RigTracker
from .scene_flow_outputs import OUTPUTS as SCENE_FLOW
from .scene_flow_outputs import SceneFlowOutputs
from .statistics import FrameTimes, StopWatch
from .stereo_node import StereoNode
from .stereo_outputs import StereoFrame

FLOW = frozenset({'flow', 'flow/confidence', 'optical_flow'})


class PerceptionNode(StereoNode):
    """
    Computes what ``StereoNode`` does, the flow of the left images, and scene flow of both.

    Topics, parameters and frames: ``docs/nodes/perception_node.md``.
    """

    def __init__(self, **kwargs: Any) -> None:
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

    def more_inputs(self) -> list[InputTopic]:
        self._queue = PoseQueue(lambda: self._parameters_now.values, self.log, self.submit,
                                partial(self.statistics.count, 'dropped'), self._without_pose)
        return self._queue.topics

    def _on_complete(self, pair: tuple[Any, Any], infos: tuple[Any, Any]) -> None:
        self._queue.add(Pair((*pair, *infos), self._sequence),
                        needs_pose=bool(self.wanted() & SCENE_FLOW))

    def _without_pose(self, reason: str) -> None:
        self._scene.refuse(reason)  # all else needs no pose

    def start_anew(self) -> None:
        super().start_anew()
        self._queue.start_anew()
        self._sequence += 1

    def size_of(self, item: Pair) -> tuple[int, int]:
        return super().size_of(item.messages)

    def frames_waiting(self) -> int:
        return super().frames_waiting() + len(self._queue)

    def check_pending(self) -> None:
        super().check_pending()
        self._queue.expire()

    def forget_pending(self) -> None:
        super().forget_pending()
        self._queue.forget()
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
        left, right, cameras = self._reader.read(item.messages)
        times.height, times.width = left.shape[:2]
        times.preprocess_ms = watch.lap_ms()
        header, matcher, stereo = item.messages[0].header, self.matcher, bool(wanted - FLOW)
        if stereo:
            search_range = matcher.search_range(times.width)
            self._foreign.look(self.settings, times.width, matcher)
            step = matcher.disparity_step
            self._rectification.add(cameras, left, right, search_range,
                                    self.settings.rectification_check_interval)
        match = self._tracker.next(
            RigFrame(header, item.stamp_ns, left, right, cameras, item.sequence,
                     item.T_fixed_camera),
            matcher, stereo=stereo, flow=bool(wanted & (FLOW | SCENE_FLOW)),
            max_gap_s=self.settings.max_gap_seconds)
        times.inference_ms = watch.lap_ms()
        shown = match.disparity
        if shown is not None:
            shown = filtered(shown, cameras.rig, self.settings)
            times.postprocess_ms = watch.lap_ms()
            making_ms, times.publish_ms = self._messages.publish(
                StereoFrame(header, left, cameras.rig, shown, search_range, step),
                self.settings, self.outputs, wanted)
            times.postprocess_ms += making_ms
        elif match.flow is None:
            return None
        making_ms, publishing_ms = publish_each(self._of_motion(match, shown, wanted),
                                                self.outputs)
        times.postprocess_ms += making_ms
        times.publish_ms += publishing_ms
        return header, times

    def _of_motion(self, match: RigMatch, shown: Disparity | None,
                   wanted: frozenset[str]) -> Any:
        """Make the wanted outputs of two pairs, one after the other."""
        if match.older is None or match.flow is None:
            return
        flow = sure_flow(match.flow, self.settings.flow_confidence_threshold)
        yield from self._flow.messages(
            FlowFrame(match.frame.header, match.older.header, match.dt_s, flow,
                      match.flow.confidence), wanted)
        yield from self._scene.messages(match, shown, self.settings, wanted)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(PerceptionNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
