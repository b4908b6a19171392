"""Stereo pair in; disparity, depth, point cloud and confidence out."""
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from stereo_msgs.msg import DisparityImage

from . import parameters
from .base_node import MatcherNode
from .calibration_gate import CalibrationGate
from .conversions import size_from_message
from .filter_parameters import filtered
from .foreign_values import ForeignValuesLog
from .image_pairs import ImagePairs
from .inputs import InputTopic
from .process import run_node
from .rectification_monitor import RectificationMonitor
from .statistics import FrameTimes, StopWatch
from .stereo_outputs import StereoFrame, StereoOutputs
from .stereo_reader import StereoReader

SIDES = ('left', 'right')


class StereoNode(MatcherNode):
    """
    Computes disparity, depth, point cloud and confidence of a stereo pair.

    Topics, parameters and frames: ``docs/nodes/stereo_node.md``.
    """

    def __init__(self, name: str = 'stereo_node', task: str = 'stereo',
                 specs: Sequence[parameters.Spec] = parameters.STEREO_NODE,
                 check: Callable[[SimpleNamespace], object] = parameters.matcher_options,
                 **kwargs: Any) -> None:
        super().__init__(name, task, specs, check, **kwargs)
        for output, message_type in (('disparity', DisparityImage), ('depth', Image),
                                     ('depth/camera_info', CameraInfo), ('points2', PointCloud2),
                                     ('confidence', Image)):
            self.add_output(output, message_type)
        self._gate = CalibrationGate(self._on_complete, self._on_incomplete,
                                     partial(self.statistics.count, 'rejected', -1))
        self._messages = StereoOutputs()
        rectify = self.settings.rectify
        if rectify:
            self.add_output('left/image_rect', Image)
        image = 'image_raw' if rectify else 'image_rect'
        self._pairs = ImagePairs(self, (f'left/{image}', f'right/{image}'), SIDES, self._on_pair,
                                 self.start_anew)
        self._images = self._pairs.topics
        self._infos = [InputTopic(f'{side}/camera_info', CameraInfo, partial(self._on_info, index),
                                  lasting=True) for index, side in enumerate(SIDES)]
        self._reader = StereoReader(self._images, self._infos, self.log, rectify=rectify)
        self._rectification = RectificationMonitor(self.log)
        self._foreign = ForeignValuesLog(self.get_logger())
        self.add_inputs([*self._images, *self._infos, *self.more_inputs()])

    def more_inputs(self) -> list[InputTopic]:
        """Give inputs that a subclass has besides; called once."""
        return []

    def start_anew(self) -> None:
        """Forget what waits: the stamps of an image topic went back."""
        self.statistics.count('dropped', self._gate.reset())

    def _on_info(self, index: int, message: CameraInfo) -> None:
        self._infos[index].note()
        self._gate.add_info(index, message)

    def _on_pair(self, left: Any, right: Any) -> None:
        self._gate.add_pair((left, right))

    def _on_complete(self, pair: tuple[Any, Any], infos: tuple[Any, Any]) -> None:
        self.submit((*pair, *infos))

    def _on_incomplete(self, pair: tuple[Any, Any], missing: tuple[int, ...]) -> None:
        if not missing:
            self.statistics.count('dropped')
            return
        names = ' and '.join(self._infos[index].resolved for index in missing)
        self.reject(f'image pairs arrive, but no camera_info on {names}: disparity and depth '
                    'need the calibration of both cameras')

    def size_of(self, item: Any) -> tuple[int, int]:
        return size_from_message(item[0], self._images[0].resolved)

    def check_pending(self) -> None:
        self._gate.check()

    def forget_pending(self) -> None:
        self.statistics.count('dropped', self._gate.reset())
        self._pairs.forget()

    def frames_waiting(self) -> int:
        return super().frames_waiting() + len(self._gate)

    def sync_failures(self) -> int:
        return self._pairs.failures

    def input_problem(self) -> str:
        return super().input_problem() or self._pairs.problem()

    def output_problem(self) -> str:
        return self._rectification.problem if self.wanted() else ''

    def report_details(self) -> dict[str, Any]:
        return self._rectification.details()

    def stop(self) -> bool:
        stopped = super().stop()
        return self._rectification.stop() and stopped

    def process(self, item: Any, wanted: frozenset[str]) -> tuple[Header, FrameTimes] | None:
        watch, times = StopWatch(), FrameTimes()
        left, right, cameras = self._reader.read(item)
        times.height, times.width = left.shape[:2]
        times.preprocess_ms = watch.lap_ms()
        matcher = self.matcher
        search_range = matcher.search_range(times.width)
        self._foreign.look(self.settings, times.width, matcher)
        self._rectification.add(cameras, left, right, search_range,
                                self.settings.rectification_check_interval)
        result = cameras.without_missing(matcher.match_stereo(left, right))
        times.inference_ms = watch.lap_ms()
        header = item[0].header
        frame = StereoFrame(header, left, cameras.rig,
                            filtered(result, cameras.rig, self.settings), search_range,
                            matcher.disparity_step)
        times.postprocess_ms = watch.lap_ms()
        making_ms, times.publish_ms = self._messages.publish(
            frame, self.settings, self.outputs, wanted)
        times.postprocess_ms += making_ms
        return header, times


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(StereoNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
