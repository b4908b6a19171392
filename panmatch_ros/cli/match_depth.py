"""Depth from two images of one scene, for ``panmatch match --task depth``."""
import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import CalibrationError, ConfigError
from .match_calibration import fit_to_images, note
from .options import finite, positive

if TYPE_CHECKING:
    import numpy as np

    from ..core.camera import Camera
    from ..core.types import Displacement
    from ..data.camera_info import CameraInfo
    from .match_outputs import Outputs

OPTIONS = ('intrinsics', 'rectified', 'pose', 'baseline_m')
DEPTH_CONFIDENCE = 0.5
POSE_MATCHES = 2000           # that the pose is estimated from
MIN_PARALLAX_PX = 1.0
MAX_EPIPOLAR_ERROR_PX = 2.0
USUAL_SHARE = 0.5             # of the confident pixels that get a depth, if the pose is right


@dataclass(frozen=True)
class TwoViews:
    """
    What is known about the two cameras.

    :param cameras: at the size of the images.
    :param T_1_0: (4, 4) motion, None to estimate it.
    :param metric: whether the translation is in metres.
    """

    cameras: 'tuple[Camera, Camera]'
    T_1_0: 'np.ndarray | None' = None
    metric: bool = False


def add_depth_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what concerns only depth from two views."""
    group = parser.add_argument_group('depth from two views (--task depth)')
    group.add_argument('--intrinsics', type=finite, nargs=4, metavar=('FX', 'FY', 'CX', 'CY'),
                       help='of both cameras, pixels, instead of --calib; the centre of the '
                            'top-left pixel is (0, 0)')
    group.add_argument('--rectified', action='store_true',
                       help='the images are rectified, though the calibration has distortion')
    group.add_argument('--pose', type=Path, metavar='FILE',
                       help='motion T_1_0, which takes points of the first camera into the frame '
                            'of the second: a 4x4 or 3x4 matrix or tx ty tz qx qy qz qw, as '
                            'text, JSON or YAML; estimated from the images if not given')
    group.add_argument('--baseline-m', type=positive, metavar='M',
                       help='distance between the two cameras, metres; an estimated pose has '
                            'none, and depth is in units of it then')


def check_depth_options(args: argparse.Namespace) -> None:
    """
    Refuse options that the task would ignore, and ask for those that it needs.

    :raises ConfigError: with the name of the option.
    """
    if args.task != 'depth':
        for name in OPTIONS:
            if getattr(args, name):
                raise ConfigError(f'--{name.replace("_", "-")} is for --task depth, and the '
                                  f'task is {args.task}')
        return
    if bool(args.calib) == bool(args.intrinsics):
        raise ConfigError('--task depth needs either --calib camera.yaml (one file for both '
                          'images, or two) or --intrinsics FX FY CX CY')
    if args.intrinsics and not min(args.intrinsics[:2]) > 0:
        raise ConfigError(f'--intrinsics: focal lengths must be positive, got '
                          f'{args.intrinsics[0]:g} and {args.intrinsics[1]:g}')


def load_views(args: argparse.Namespace, size: tuple[int, int]) -> TwoViews:
    """
    Read the cameras and the pose.

    :param size: (height, width) of the images, pixels.
    :raises PanMatchError: if a file cannot be used.
    """
    from ..core.camera import Camera
    from ..data.pose_file import read_pose
    if args.intrinsics:
        cameras = [Camera(size[1], size[0], *args.intrinsics)]
    else:
        cameras = [_load_camera(path, args.rectified, size) for path in args.calib]
    pair = (cameras[0], cameras[-1])
    if args.pose is None:
        return TwoViews(pair)
    pose = read_pose(args.pose)
    T_1_0, length = pose.T_1_0, float((pose.T_1_0[:3, 3] ** 2).sum() ** 0.5)
    if length == 0:
        raise ConfigError(f'--pose {args.pose}: the translation is zero; without one two views '
                          'tell no depth')
    if args.baseline_m:
        T_1_0[:3, 3] *= args.baseline_m / length
    return TwoViews(pair, T_1_0, pose.metric or bool(args.baseline_m))


def depth_outputs(args: argparse.Namespace, result: 'Displacement', image0: 'np.ndarray',
                  views: TwoViews) -> 'Outputs':
    """
    Turn matches into depth and a point cloud.

    :param args: options of the verb.
    :param result: what the matcher found.
    :param image0: first image, any accepted form.
    :param views: cameras, and the pose if it is known.
    :raises PoseError: if the pose cannot be estimated.
    """
    import numpy as np

    from ..core.image import to_rgb
    from ..core.two_view import two_view_depth
    from ..viz.scalar import confidence_to_color
    from .match_outputs import Outputs, add_depth, keep_confident, quality, spread
    options = depth_options(args)
    known, about = _pose(args, result, views, options['min_confidence'])
    flow = keep_confident(result.flow, result.confidence, options['min_confidence'])
    camera0, camera1 = known.cameras
    assert known.T_1_0 is not None
    depth = two_view_depth(flow, camera0.K, camera1.K, known.T_1_0,
                           min_parallax_px=MIN_PARALLAX_PX,
                           max_epipolar_error_px=MAX_EPIPOLAR_ERROR_PX)
    valid = np.isfinite(depth)
    share = np.count_nonzero(valid) / max(np.count_nonzero(np.isfinite(flow[..., 0])), 1)
    if share < USUAL_SHARE:
        note(f'only {100 * share:.0f} % of the confident matches fit the pose; is it T_1_0 and '
             'not its inverse, are the intrinsics right, and did the camera move enough?')
    outputs = Outputs(summary=quality(valid, result.confidence))
    unit = 'm' if known.metric else 'baselines'
    outputs.summary |= {'values': {f'depth_{unit}': spread(depth)}, 'pose': about}
    add_depth(outputs, depth, camera0, to_rgb(image0))
    outputs.add_image('confidence', result.confidence, confidence_to_color(result.confidence))
    _add_pose(outputs, known, about)
    return outputs


def depth_options(args: argparse.Namespace) -> dict:
    """Options with their defaults filled in, as ``summary.json`` names them."""
    return {
        'min_confidence': (DEPTH_CONFIDENCE if args.min_confidence is None
                           else args.min_confidence),
        'intrinsics': args.intrinsics, 'rectified': args.rectified,
        'pose': str(args.pose) if args.pose else None, 'baseline_m': args.baseline_m,
        'min_parallax_px': MIN_PARALLAX_PX, 'max_epipolar_error_px': MAX_EPIPOLAR_ERROR_PX}


def _pose(args: argparse.Namespace, result: 'Displacement', views: TwoViews,
          min_confidence: float) -> tuple[TwoViews, dict]:
    """Give the pose from the file or estimate it, and what to tell about it."""
    if views.T_1_0 is not None:
        return views, {'source': str(args.pose)}
    from ..core.balanced_sampling import balanced_correspondences
    from ..core.two_view import relative_pose
    matches = balanced_correspondences(result, max_matches=POSE_MATCHES,
                                       min_confidence=min_confidence)
    pose = relative_pose(matches, views.cameras[0].K, views.cameras[1].K)
    if not args.baseline_m:
        note('the pose is estimated from the images, so depth is in units of the distance '
             'between the cameras; --baseline-m makes it metres')
    about = {'source': 'estimated', 'matches': len(matches), 'inliers': int(pose.inliers.sum()),
             'error_px': pose.error_px, 'parallax_deg': pose.parallax_deg,
             'direction_std_deg': pose.direction_std_deg}
    return TwoViews(views.cameras, pose.scaled(args.baseline_m or 1.0),
                    bool(args.baseline_m)), about


def _add_pose(outputs: 'Outputs', views: TwoViews, about: dict) -> None:
    from ..data.pose_file import write_pose
    T_1_0 = views.T_1_0
    assert T_1_0 is not None
    outputs.writers['pose.json'] = lambda path: write_pose(path, T_1_0, views.metric, about)


def _load_camera(path: Path, rectified: bool, size: tuple[int, int]) -> 'Camera':
    from ..core.camera import Camera
    from ..data.camera_info import read_camera_info_yaml
    info = read_camera_info_yaml(path)
    if not rectified and _is_distorted(info):
        raise CalibrationError(
            f'{path} describes a lens with distortion, and depth needs rectified images: '
            'rectify them first (image_proc does), then add --rectified')
    camera = Camera.from_camera_info(info, str(path))
    return fit_to_images(camera, (camera.height, camera.width), size)


def _is_distorted(info: 'CameraInfo') -> bool:
    """Whether the image as taken differs from the rectified one, which P describes."""
    import numpy as np
    K, P = np.reshape(info.k, (3, 3)), np.reshape(info.p, (3, 4))
    turned = not np.allclose(np.reshape(info.r, (3, 3)), np.eye(3), atol=1e-6)
    changed = bool(K.any()) and not np.allclose(K, P[:, :3], rtol=1e-6, atol=1e-6)
    return any(info.d) or turned or changed
