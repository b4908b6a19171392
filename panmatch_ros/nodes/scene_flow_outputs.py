"""From two matched pairs to the messages of scene flow, and what is said of the ego-motion."""
from collections.abc import Iterator
import math
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import PointCloud2, PointField

from ..core.ego_motion import estimate_ego_motion
from ..core.errors import PoseError
from ..core.rigid_motion import relative_transform
from ..core.scene_flow import PointPairs, SceneFlow, points_by_forward_flow, scene_flow
from ..core.types import Disparity
from .diagnostics import ThrottledLog
from .filter_parameters import depth_filter
from .outputs import ImageBuffer, allocate, packed_colors
from .perception_parameters import scene_flow_config
from .pose_queue import WITH_POSES
from .rig_tracker import RigMatch

OUTPUTS = frozenset({'scene_flow', 'moving'})
FIELDS = ('x', 'y', 'z', 'vx', 'vy', 'vz', 'rgb')


class SceneFlowBuffer:
    """
    An organised PointCloud2 of points with velocities; every field is a float32.

    :param colored: whether points carry the field ``rgb``.
    """

    def __init__(self, colored: bool) -> None:
        self.colored = colored
        self.message = PointCloud2(is_dense=False, is_bigendian=False)
        names = FIELDS if colored else FIELDS[:-1]
        self.message.fields = [
            PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
            for index, name in enumerate(names)]
        self._points = np.empty((0, 0, len(names)), np.float32)

    def fill(self, points: np.ndarray, velocity: np.ndarray, image: np.ndarray) -> PointCloud2:
        """
        Write all points and return the message, which lacks its header.

        :param points: (H, W, 3) float32, metres; NaN is invalid.
        :param velocity: (H, W, 3) float32, metres per second; NaN is invalid.
        :param image: (H, W) grey or (H, W, 3) RGB, uint8 or uint16: colours of the points.
        """
        height, width = points.shape[:2]
        message = self.message
        if self._points.shape[:2] != (height, width):
            message.height, message.width = height, width
            message.point_step = 4 * len(message.fields)
            message.row_step = message.point_step * width
            self._points = allocate(message, height * message.row_step).view(
                np.float32).reshape(height, width, len(message.fields))
        channels = [*cv2.split(points), *cv2.split(velocity)]
        if self.colored:
            channels.append(packed_colors(image))
        cv2.merge(channels, dst=self._points)
        return message


class SceneFlowOutputs:
    """
    Computes scene flow and makes its messages; the worker thread calls.

    ``problem`` is why the last two pairs got none, empty if they got it.

    :param log: of the node.
    """

    def __init__(self, log: ThrottledLog) -> None:
        self.problem = ''
        self._log = log
        self._cloud = SceneFlowBuffer(colored=True)
        self._moving = ImageBuffer('mono8')
        self._refused = 0
        self._numbers = dict.fromkeys(('ego_motion_m', 'ego_motion_deg', 'ego_inlier_share',
                                       'ego_rotation_std_deg', 'ego_translation_std_m'), math.nan)

    def details(self) -> dict[str, Any]:
        """Give the last numbers, for /diagnostics."""
        return {'scene_flow_refused': self._refused,
                **{name: f'{value:.3g}' for name, value in self._numbers.items()}}

    def refuse(self, reason: str) -> None:
        """Count and report a pair without scene flow."""
        self._refused += 1
        self.problem = f'no scene_flow: the motion of the camera is not known: {reason}'
        self._log.warning(self.problem)

    def messages(self, match: RigMatch, shown: Disparity | None, settings: SimpleNamespace,
                 wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
        """
        Give the wanted messages with the names of their outputs, one after the other.

        :param match: the two pairs, with all that the matcher found: what is left out of the
            outputs still tells the motion of the camera.
        :param shown: disparities of the newer pair that the other outputs show.
        :param settings: parameters of the node.
        :param wanted: names of the outputs to make.
        """
        if match.older is None or match.older_disparity is None or not wanted & OUTPUTS:
            return
        if settings.ego_motion in WITH_POSES and not _has_poses(match):
            return  # the node has said why
        try:
            scene = self._scene_flow(match, settings)
        except PoseError as error:
            self.refuse(str(error))
            return
        self.problem = ''
        if shown is not None:
            _hide(scene, shown, settings)
        header = match.frame.header
        if 'scene_flow' in wanted:
            if self._cloud.colored != settings.use_color:
                self._cloud = SceneFlowBuffer(settings.use_color)
            velocity = scene.velocity if settings.raw_velocities else scene.velocity_or_rest
            message = self._cloud.fill(scene.points, velocity, match.frame.left)
            message.header = header
            yield 'scene_flow', message
        if 'moving' in wanted and scene.moving is not None:
            yield 'moving', self._moving.fill(header, scene.moving * np.uint8(255))

    def _scene_flow(self, match: RigMatch, settings: SimpleNamespace) -> SceneFlow:
        assert match.disparity is not None
        assert match.older_disparity is not None
        assert match.flow is not None
        rig, config = match.frame.cameras.rig, scene_flow_config(settings)
        pairs = points_by_forward_flow(match.older_disparity, match.disparity, match.flow, rig,
                                       config)
        return scene_flow(pairs, rig, match.dt_s, self._motion(match, pairs, settings), config)

    def _motion(self, match: RigMatch, pairs: PointPairs,
                settings: SimpleNamespace) -> np.ndarray | None:
        """Give ``T_1_0``; None if velocities are to be relative to the camera."""
        if settings.ego_motion == 'none':
            return None
        if settings.ego_motion == 'estimate':
            ego = estimate_ego_motion(pairs, match.frame.cameras.rig, scene_flow_config(settings),
                                      min_inlier_share=settings.min_inlier_share)
            self._numbers.update(ego_inlier_share=ego.inlier_share,
                                 ego_rotation_std_deg=ego.rotation_std_deg,
                                 ego_translation_std_m=ego.translation_std_m)
            T_1_0 = ego.T_1_0
        else:
            assert match.older is not None
            assert match.older.T_fixed_camera is not None
            assert match.frame.T_fixed_camera is not None
            T_1_0 = relative_transform(match.older.T_fixed_camera, match.frame.T_fixed_camera)
        self._numbers.update(
            ego_motion_m=float(np.linalg.norm(T_1_0[:3, 3])),
            ego_motion_deg=math.degrees(float(np.linalg.norm(cv2.Rodrigues(T_1_0[:3, :3])[0]))))
        return T_1_0


def _hide(scene: SceneFlow, shown: Disparity, settings: SimpleNamespace) -> None:
    """Leave out, in place, what the other outputs do not show either."""
    threshold = settings.confidence_threshold
    if depth_filter(settings).keeps_all and threshold <= settings.scene_flow_min_confidence:
        return  # what is hidden is not known here
    hidden = ~shown.valid | (shown.confidence < np.float32(threshold))
    for values in (scene.points, scene.velocity):
        np.copyto(values, np.float32(np.nan), where=hidden[..., None])
    if scene.moving is not None:
        scene.moving[hidden] = False


def _has_poses(match: RigMatch) -> bool:
    return (match.frame.T_fixed_camera is not None and match.older is not None
            and match.older.T_fixed_camera is not None)
