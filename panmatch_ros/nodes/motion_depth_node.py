"""Images of one moving camera and its poses in; metric depth, points and confidence out."""
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header

from ..core.disparity_filter import filter_depth
from ..core.errors import CalibrationError, MotionError, PanMatchError, PoseError
from ..core.image_message import stamp_ns
from ..core.keyframes import View
from ..core.stamp_guard import JUMP, LATE
from .base_node import MatcherNode
from .camera_reader import CameraReader
from .conversions import image_from_message, size_from_message
from .depth_outputs import DepthFrame, DepthOutputs, publish_each
from .filter_parameters import depth_filter
from .inputs import InputTopic
from .motion_depth_parameters import MOTION_DEPTH_NODE, motion_depth_options
from .motion_tracker import MotionTracker
from .pending_frames import PendingFrames
from .pose_sources import make_pose_source
from .process import run_node
from .statistics import FrameTimes, StopWatch


@dataclass(frozen=True, eq=False)
class Frame:
    """An image, what belongs to it, and the run of increasing stamps that it is of."""

    message: Any
    sequence: int
    info: CameraInfo | None = None
    T_odom_camera: np.ndarray | None = None


class MotionDepthNode(MatcherNode):
    """
    Computes the depth of a rigid scene from each image and an earlier one of the same camera.

    The newer image is matched to the earlier one, so that depth is on its grid without being
    moved there. Topics, parameters and frames: ``docs/nodes/motion_depth_node.md``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('motion_depth_node', 'flow', MOTION_DEPTH_NODE, motion_depth_options,
                         **kwargs)
        for name, message_type in (('depth', Image), ('depth/camera_info', CameraInfo),
                                   ('points2', PointCloud2), ('confidence', Image)):
            self.add_output(name, message_type)
        self._pending = PendingFrames(self._complete, self.submit, self._give_up,
                                      self.settings.queue_size)
        self._poses = make_pose_source(self.settings, self.log, self._pending.retry)
        self._tracker, self._outputs = MotionTracker(), DepthOutputs()
        self._sequence = 0  # increases when stamps go back
        self._info: CameraInfo | None = None
        self._image = InputTopic('image', Image, self._on_image)
        self._camera_info = InputTopic('camera_info', CameraInfo, self._on_info, lasting=True)
        self._cameras = CameraReader(self._image, self._camera_info, self.log)
        self.add_inputs([self._image, self._camera_info, *self._poses.topics])

    def _on_image(self, message: Any) -> None:
        verdict = self.check_stamp(self._image, message)
        if verdict == LATE:
            return
        if verdict == JUMP:
            self._sequence += 1
            self.statistics.count('dropped', self._pending.clear() + self.worker.clear())
        self.statistics.count('received')
        if self._pending.add(Frame(message, self._sequence)):
            self.statistics.count('dropped')

    def _on_info(self, message: CameraInfo) -> None:
        self._camera_info.note()
        self._info = message
        self._pending.retry()

    def _complete(self, frame: Frame) -> Frame:
        """Add calibration and pose; a PanMatchError says what is missing."""
        if self._info is None:
            raise CalibrationError(f'images arrive, but no camera_info on '
                                   f'{self._camera_info.resolved}: depth needs the calibration')
        camera_frame = self._parameters_now.values.camera_frame or frame.message.header.frame_id
        if not camera_frame:
            raise PoseError(f'{self._image.resolved}: the images have no frame_id, so their pose '
                            'cannot be looked up: set camera_frame')
        pose = self._poses.pose(camera_frame, stamp_ns(frame.message))
        return replace(frame, info=self._info, T_odom_camera=pose)

    def _give_up(self, frame: Frame, reason: PanMatchError) -> None:
        self.reject(f'an image waited {self._parameters_now.values.transform_timeout_seconds:g} s '
                    f'in vain: {reason}')

    def size_of(self, item: Frame) -> tuple[int, int]:
        return size_from_message(item.message, self._image.resolved)

    def check_pending(self) -> None:
        self._pending.expire(self._parameters_now.values.transform_timeout_seconds)

    def frames_waiting(self) -> int:
        return super().frames_waiting() + len(self._pending)

    def forget_pending(self) -> None:
        self.statistics.count('dropped', self._pending.clear())
        self._poses.forget()
        self._sequence += 1  # images before and after the pause are no pair

    def output_problem(self) -> str:
        return self._tracker.problem if self.wanted() else ''

    def report_details(self) -> dict[str, Any]:
        return {**self._tracker.details(), 'frames_pending': len(self._pending)}

    def process(self, item: Frame, wanted: frozenset[str]) -> tuple[Header, FrameTimes] | None:
        watch, times = StopWatch(), FrameTimes()
        assert item.T_odom_camera is not None  # _complete() has added it
        pixels = image_from_message(item.message, self._image.resolved)
        camera = self._cameras.read(item.info, pixels.shape)
        times.height, times.width = pixels.shape[:2]
        times.preprocess_ms = watch.lap_ms()
        view = View(stamp_ns(item.message), pixels, camera.K, item.T_odom_camera)
        try:
            result = self._tracker.depth(view, item.sequence, self.matcher, self.settings)
        except MotionError as error:
            self.log.warning(f'no depth: {error}')
            return None
        if result is None:
            return None
        times.inference_ms = watch.lap_ms()
        frame = DepthFrame(item.message.header, pixels, camera, result.confidence)
        depth = filter_depth(result.depth, result.confidence,
                             camera.fx * self._tracker.baseline_m, depth_filter(self.settings),
                             self.settings.confidence_threshold)
        self._outputs.fill(frame, depth, self.settings, wanted)
        times.postprocess_ms = watch.lap_ms()
        making_ms, times.publish_ms = publish_each(
            self._outputs.messages(frame, self.settings, wanted), self.outputs)
        times.postprocess_ms += making_ms
        return item.message.header, times


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(MotionDepthNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
