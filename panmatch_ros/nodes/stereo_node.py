"""Rectified stereo pair in; disparity, depth, point cloud and confidence out."""
from functools import partial
from typing import Any

from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from stereo_msgs.msg import DisparityImage

from ..core.camera import StereoRig
from ..core.errors import CalibrationError, ImageError
from . import parameters
from .base_node import MatcherNode
from .calibration_gate import CalibrationGate
from .conversions import image_from_message, stamp_ns
from .inputs import JUMP, LATE, InputTopic
from .process import run_node
from .statistics import FrameTimes, StopWatch
from .stereo_outputs import StereoFrame, StereoOutputs
from .sync import DEFAULT_TOLERANCE_NS, PairSynchronizer

SIDES = ('left', 'right')


class StereoNode(MatcherNode):
    """
    Computes disparity, depth, point cloud and confidence of a rectified pair.

    Topics, parameters and frames: ``docs/nodes.md``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('stereo_node', 'stereo', parameters.STEREO_NODE, **kwargs)
        for name, message_type in (('disparity', DisparityImage), ('depth', Image),
                                   ('depth/camera_info', CameraInfo), ('points2', PointCloud2),
                                   ('confidence', Image)):
            self.add_output(name, message_type)
        settings = self.settings
        self._tolerance_ns = 0
        if settings.approximate_sync:
            self._tolerance_ns = (int(settings.approximate_sync_tolerance_seconds * 1e9)
                                  or DEFAULT_TOLERANCE_NS)
        self._pairs = PairSynchronizer(self._on_pair, settings.queue_size, self._tolerance_ns)
        self._gate = CalibrationGate(self._on_complete, self._on_incomplete)
        self._messages = StereoOutputs()
        self._rig: tuple[Any, StereoRig] | None = None  # of the last pair, with its calibration
        self._last_pair_at = (0, 0)  # images received of each side when the last pair came
        self._images = [InputTopic(f'{side}/image_rect', Image, partial(self._on_image, index))
                        for index, side in enumerate(SIDES)]
        self._infos = [InputTopic(f'{side}/camera_info', CameraInfo, partial(self._on_info, index),
                                  lasting=True) for index, side in enumerate(SIDES)]
        self.add_inputs([*self._images, *self._infos])

    def _on_image(self, index: int, message: Any) -> None:
        verdict = self.check_stamp(self._images[index], message)
        if verdict == JUMP:
            self._start_anew(index)
        if verdict != LATE:
            self._pairs.add(index, stamp_ns(message), message)

    def _start_anew(self, index: int) -> None:
        """Forget what waits: the stamps of one side went back."""
        self._pairs.reset()
        self._gate.reset()
        other = self._images[1 - index].guard
        mine = self._images[index].guard
        if other.newest_ns is not None and mine.newest_ns is not None \
                and other.newest_ns > mine.newest_ns:
            other.newest_ns = None  # it follows with its next image
        if self.worker.clear():
            self.statistics.count('dropped')

    def _on_info(self, index: int, message: CameraInfo) -> None:
        self._infos[index].note()
        self._gate.add_info(index, message)

    def _on_pair(self, left: Any, right: Any) -> None:
        self.statistics.count('received')
        self._last_pair_at = (self._images[0].received, self._images[1].received)
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
        left = image_from_message(item[0], self._images[0].resolved)
        return left.shape[0], left.shape[1]

    def check_pending(self) -> None:
        self._gate.check()

    def forget_pending(self) -> None:
        self._gate.reset()
        self._pairs.reset(count=False)

    def sync_failures(self) -> int:
        return self._pairs.failures

    def input_problem(self) -> str:
        problem = super().input_problem()
        if problem:
            return problem
        left, right = self._images
        alone = (left.received - self._last_pair_at[0], right.received - self._last_pair_at[1])
        newest = left.guard.newest_ns, right.guard.newest_ns
        if min(alone) <= self.settings.queue_size or newest[0] is None or newest[1] is None:
            return ''
        offset_ms = (newest[1] - newest[0]) / 1e6
        rule = (f'approximate_sync pairs up to {self._tolerance_ns / 1e6:g} ms and half a frame'
                if self._tolerance_ns else
                'stamps must be equal; set approximate_sync if the cameras are not triggered')
        return (f'{left.resolved} and {right.resolved} arrive, but their stamps do not pair: '
                f'the newest right one is {offset_ms:+.1f} ms from the newest left one ({rule})')

    def process(self, item: Any, wanted: frozenset[str]) -> tuple[Header, FrameTimes]:
        left_message, right_message, left_info, right_info = item
        watch, times = StopWatch(), FrameTimes()
        left = image_from_message(left_message, self._images[0].resolved)
        right = image_from_message(right_message, self._images[1].resolved)
        if left.shape[:2] != right.shape[:2]:
            raise ImageError(
                f'{self._images[0].resolved} and {self._images[1].resolved} must have one size, '
                f'got {left.shape[1]}x{left.shape[0]} and {right.shape[1]}x{right.shape[0]}')
        rig = self._rig_of(left_info, right_info)
        self._check_rig(rig, left.shape)
        times.height, times.width = left.shape[:2]
        times.preprocess_ms = watch.lap_ms()
        matcher = self.matcher
        result = matcher.match_stereo(left, right)
        times.inference_ms = watch.lap_ms()
        frame = StereoFrame(left_message.header, left, rig, result,
                            matcher.search_range(times.width), matcher.disparity_step)
        times.postprocess_ms, times.publish_ms = self._messages.publish(
            frame, self.settings, self.outputs, wanted)
        return left_message.header, times

    def _rig_of(self, left_info: CameraInfo, right_info: CameraInfo) -> StereoRig:
        """Read the rig; that of the last pair serves while the calibration stays the same."""
        key = tuple((info.width, info.height, info.binning_x, info.binning_y, bytes(info.p),
                     info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height)
                    for info in (left_info, right_info))
        if self._rig is None or key != self._rig[0]:
            names = self._infos[0].resolved, self._infos[1].resolved
            self._rig = key, StereoRig.from_camera_info(left_info, right_info, names)
        return self._rig[1]

    def _check_rig(self, rig: StereoRig, shape: tuple[int, ...]) -> None:
        if (rig.left.height, rig.left.width) != shape[:2]:
            raise CalibrationError(
                f'{self._infos[0].resolved} describes an image of {rig.left.width}x'
                f'{rig.left.height} pixels (after region of interest and binning), but '
                f'{self._images[0].resolved} has {shape[1]}x{shape[0]}')
        if rig.baseline_sign_is_unusual:
            self.log.warning(
                'by P[0, 3] the right camera stands left of the left one; using the absolute '
                'baseline. Are the two cameras swapped?', key='baseline sign')


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(StereoNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
