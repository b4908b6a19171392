"""
TartanAir: stereo, flow and motion of the camera in rendered worlds.

All images have the same calibration. ``pose_left.txt`` holds poses of the left camera in axes
that point ahead, right and down; ours point right, down and ahead. Flow is known where its mask
is 0: elsewhere the pixel is hidden, out of view, or on an object that moves by itself, whose flow
was made as if it stood still.
"""
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
import re

import numpy as np

from ...core.errors import ConfigError, FormatError
from ...core.quaternion import rotation_from_quaternion
from ...core.rigid_motion import make_transform, relative_transform
from ..arrays import read_array
from ..formats import read_flow
from ..sample import Annotation, Sample
from .description import (
    ALL_TASKS,
    Dataset,
    Option,
    existing_file,
    subfolders,
    wanted_tasks,
    wrong_layout,
)
from .numbers import read_numbers
from .rasters import require_size

TASKS = ('stereo', 'flow', 'pose')
MAX_DEPTH = 4   # environment, again (as the archives have it), difficulty, trajectory
NEEDED = {'stereo': ('image_right', 'depth_left'), 'flow': ('flow',),
          'pose': ('pose_left.txt', 'depth_left')}
TRAJECTORY = re.compile(r'P\d{3}')
FRAME = re.compile(r'(\d{6})_left\.png')
FOCAL_PX, CENTRE_PX, BASELINE_M = 320.0, (320.0, 240.0), 0.25
UNIT_LENGTH_TOLERANCE = 1e-2   # of quaternions with a few digits
# From our axes (right, down, ahead) to those of the poses (ahead, right, down).
AXES = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def fits(folder: Path) -> bool:
    """Tell whether there is a trajectory in a folder or a few levels below."""
    return next(_trajectories(folder, MAX_DEPTH), None) is not None


def open_tartanair(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of the chosen trajectories.

    :raises ConfigError: if there is none of that name, or a task that was asked for lacks files.
    """
    found = list(_trajectories(folder, MAX_DEPTH))
    wanted = f'/{options["trajectory"].strip("/")}/'
    chosen = [path for path in found
              if wanted == '//' or wanted in f'/{path.relative_to(folder).as_posix()}/']
    if not chosen:
        names = ', '.join(path.relative_to(folder).as_posix() for path in found[:8])
        raise ConfigError(f'{folder}: there is no trajectory {options["trajectory"]!r}; the first '
                          f'of {len(found)} are {names}')
    samples = []
    for task in wanted_tasks(options, TASKS):
        for trajectory in chosen:
            missing = [name for name in NEEDED[task] if not (trajectory / name).exists()]
            if not missing:
                samples += _samples(folder, trajectory, task)
            elif options['task'] != ALL_TASKS:
                raise wrong_layout(trajectory, ' and '.join(missing),
                                   f'unpack the files for {task} there, or choose another task')
    if not samples:
        raise wrong_layout(chosen[0], 'depth_left/ with image_right/, flow/, or depth_left/ with '
                           'pose_left.txt', 'unpack the truth there')
    return samples


def annotate_stereo(path: Path) -> Annotation:
    """
    Turn the depth of the left image into its disparity.

    :raises FormatError: if the file is wrong.
    """
    depth = _read_depth(path)
    T_1_0 = np.eye(4)
    T_1_0[0, 3] = -BASELINE_M
    disparity = (FOCAL_PX * BASELINE_M / depth).astype(np.float32)
    return Annotation(disparity=disparity, depth0=depth, K0=_intrinsics(), K1=_intrinsics(),
                      T_1_0=T_1_0)


def annotate_flow(path: Path, path_mask: Path) -> Annotation:
    """
    Read the flow to the next frame.

    :param path: flow.
    :param path_mask: 0 where it is known; without the file all is taken as known, and the note
        says so.
    :raises FormatError: if a file is wrong.
    """
    flow = read_flow(path)
    if not path_mask.is_file():
        return Annotation(flow=flow, note='no flow mask: hidden pixels and moving objects count')
    mask = read_array(path_mask)
    if mask.ndim != 2:
        raise FormatError(f'{path_mask}: a mask is (H, W), found {mask.shape}')
    require_size(mask, (flow.shape[0], flow.shape[1]), path_mask)
    flow[mask != 0] = np.nan
    return Annotation(flow=flow, non_occluded=mask == 0)


def annotate_pose(path_depth0: Path, path_depth1: Path, path_poses: Path,
                  frames: tuple[int, int]) -> Annotation:
    """
    Read depth of both images and the motion between them.

    :param frames: numbers of the two images, the lines of their poses.
    :raises FormatError: if a file is wrong, or has no pose of a frame.
    """
    poses = read_numbers(path_poses, 7)
    if max(frames) >= len(poses):
        raise FormatError(f'{path_poses}: expected a line for frame {max(frames)}, found '
                          f'{len(poses)} lines')
    world = [_pose(poses[frame], path_poses) for frame in frames]
    return Annotation(depth0=_read_depth(path_depth0), depth1=_read_depth(path_depth1),
                      K0=_intrinsics(), K1=_intrinsics(), T_1_0=relative_transform(*world))


def _pose(numbers: np.ndarray, path: Path) -> np.ndarray:
    length = float(np.linalg.norm(numbers[3:]))
    if abs(length - 1) > UNIT_LENGTH_TOLERANCE:
        raise FormatError(f'{path}: expected tx ty tz qx qy qz qw with a quaternion of length 1, '
                          f'found the length {length:.3f}')
    rotation = rotation_from_quaternion(numbers[3:] / length)
    return make_transform(rotation @ AXES, numbers[:3])


def _trajectories(folder: Path, depth: int) -> Iterator[Path]:
    for path in subfolders(folder):
        if TRAJECTORY.fullmatch(path.name) and (path / 'image_left').is_dir():
            yield path
        elif depth > 1:
            yield from _trajectories(path, depth - 1)


def _samples(folder: Path, trajectory: Path, task: str) -> list[Sample]:
    images = sorted((int(match[1]), path) for path in (trajectory / 'image_left').iterdir()
                    if (match := FRAME.fullmatch(path.name)))
    samples = []
    for frame, first in images if task == 'stereo' else images[:-1]:
        depth = trajectory / 'depth_left'
        if task == 'stereo':
            second = trajectory / 'image_right' / f'{frame:06d}_right.png'
            read = partial(annotate_stereo, depth / f'{frame:06d}_left_depth.npy')
        else:
            second = first.with_name(f'{frame + 1:06d}_left.png')
            pair = f'{frame:06d}_{frame + 1:06d}'
            read = (partial(annotate_flow, trajectory / 'flow' / f'{pair}_flow.npy',
                            trajectory / 'flow' / f'{pair}_mask.npy') if task == 'flow' else
                    partial(annotate_pose, depth / f'{frame:06d}_left_depth.npy',
                            depth / f'{frame + 1:06d}_left_depth.npy',
                            trajectory / 'pose_left.txt', (frame, frame + 1)))
        existing_file(second, f'the second image of {first} for {task}')
        name = f'{task}/{trajectory.relative_to(folder).as_posix()}/{frame:06d}'
        samples.append(Sample(name, task, first, second, read, 'tartanair'))
    return samples


def _read_depth(path: Path) -> np.ndarray:
    depth = read_array(path)
    if depth.ndim != 2:
        raise FormatError(f'{path}: a depth map is (H, W), found {depth.shape}')
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.nan).astype(np.float32)


def _intrinsics() -> np.ndarray:
    return np.array([[FOCAL_PX, 0, CENTRE_PX[0]], [0, FOCAL_PX, CENTRE_PX[1]], [0, 0, 1]])


TARTANAIR = Dataset(
    'tartanair', 'TartanAir', TASKS,
    '<environment>/Easy/P000/ with image_left/000000_left.png, image_right/, '
    'depth_left/000000_left_depth.npy, flow/000000_000001_flow.npy and _mask.npy, pose_left.txt',
    'https://theairlab.org/tartanair-dataset', fits, open_tartanair,
    {'trajectory': Option('part of the path of trajectories, like abandonedfactory/Easy or P001; '
                          'all if not given')})
