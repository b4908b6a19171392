"""Files of training pairs, in formats that the readers of ``data`` and others know."""
from pathlib import Path

import numpy as np

from ...core.camera import Camera, StereoRig
from ..calibration import (
    camera_info_from_camera,
    write_camera_info_yaml,
    write_middlebury_calib,
)
from ..formats import write_flo, write_image, write_pfm
from ..pose_file import write_pose
from .generator import TrainingPair

OCCLUDED = 255


def write_pair(folder: Path, pair: TrainingPair) -> None:
    """
    Write all that is known of a pair.

    - always ``image0.png``, ``image1.png``, ``occlusion.png`` (white where a pixel of image0 is
      hidden in image1 or outside) and ``backward_occlusion.png`` (the same for image1);
    - of stereo pairs ``disparity.pfm``, ``disparity_right.pfm`` and ``calib.txt``;
    - of others ``flow.flo``, ``backward_flow.flo`` and, with a camera, ``camera.yaml``;
    - with a camera or a rig ``depth0.pfm`` and ``depth1.pfm`` (metres, infinity where there is
      none) and ``pose.json`` (``T_1_0``, metric).

    :param folder: is made; it must not exist.
    :param pair: what to write.
    :raises FormatError: if a file cannot be written.
    :raises FileExistsError: if the folder exists.
    """
    folder.mkdir(parents=True)
    write_image(folder / 'image0.png', pair.image0)
    write_image(folder / 'image1.png', pair.image1)
    # Their names do not start with "flow": that is the truth of a pair to `panmatch evaluate`.
    if pair.rectified:
        write_pfm(folder / 'disparity.pfm', -pair.flow[..., 0])
        write_pfm(folder / 'disparity_right.pfm', pair.flow_back[..., 0])
    else:
        write_flo(folder / 'flow.flo', pair.flow)
        write_flo(folder / 'backward_flow.flo', pair.flow_back)
    for name, hidden in (('occlusion.png', pair.occlusion),
                         ('backward_occlusion.png', pair.occlusion_back)):
        write_image(folder / name, np.repeat(mask_image(hidden)[..., None], 3, axis=-1))
    for name, depth in (('depth0.pfm', pair.depth0), ('depth1.pfm', pair.depth1)):
        if depth is not None:
            write_pfm(folder / name, depth)
    if pair.K is not None and pair.T_1_0 is not None:
        _write_camera(folder, pair, pair.K, pair.T_1_0)


def mask_image(mask: np.ndarray) -> np.ndarray:
    """
    Show a mask.

    :param mask: (H, W) bool.
    :returns: (H, W) uint8, 255 where True.
    """
    return mask.astype(np.uint8) * np.uint8(OCCLUDED)


def _write_camera(folder: Path, pair: TrainingPair, K: np.ndarray, T_1_0: np.ndarray) -> None:
    height, width = pair.occlusion.shape
    fx, fy, cx, cy = (float(value) for value in (K[0, 0], K[1, 1], K[0, 2], K[1, 2]))
    camera = Camera(width, height, fx, fy, cx, cy)
    if pair.rectified:
        right = Camera(width, height, fx, fy, cx, cy, tx=fx * float(T_1_0[0, 3]))
        write_middlebury_calib(folder / 'calib.txt', StereoRig(camera, right))
    else:
        write_camera_info_yaml(folder / 'camera.yaml', camera_info_from_camera(camera))
    write_pose(folder / 'pose.json', T_1_0, metric=True)
