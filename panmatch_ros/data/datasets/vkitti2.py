"""
Virtual KITTI 2: stereo, flow and motion of the camera in rendered streets.

Flow is ``(2 v / 65535 - 1) (size - 1)`` with the blue channel as the mark of what is known, depth
is in centimetres with 65535 for the sky, and ``extrinsic.txt`` maps the world into each camera.
The disparity follows from depth and calibration.
"""
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
import re

import numpy as np

from ...core.errors import FormatError
from ...core.rigid_motion import relative_transform, require_rigid
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
from .rasters import read_raster

TASKS = ('stereo', 'flow', 'pose')
CONDITIONS = ('clone', 'fog', 'morning', 'overcast', 'rain', 'sunset', '15-deg-left',
              '15-deg-right', '30-deg-left', '30-deg-right')
ALL = 'all'
FRAME = re.compile(r'rgb_(\d{5})\.jpg')
SCENE = re.compile(r'Scene\d\d')
FLOW_LEVELS = 65535.0
CENTIMETRES = 100.0
SKY = 65535
EXTRINSIC_COLUMNS, INTRINSIC_COLUMNS = 18, 6   # the first two are frame and camera
Views = tuple[tuple[int, int], tuple[int, int]]   # frame and camera of both images


def fits(folder: Path) -> bool:
    """Tell whether a folder has the images of a scene."""
    return any((scene / condition / 'frames' / 'rgb' / 'Camera_0').is_dir()
               for scene in _scenes(folder) for condition in CONDITIONS)


def open_vkitti2(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of the left camera (and of left and right) in the chosen scenes.

    :raises ConfigError: if images, or the truth of a task that was asked for, are not there.
    """
    conditions = CONDITIONS if options['condition'] == ALL else (options['condition'],)
    places = [Path(scene.name) / condition for scene in _scenes(folder)
              if options['scene'] in ('', scene.name) for condition in conditions
              if (scene / condition / 'frames' / 'rgb' / 'Camera_0').is_dir()]
    if not places:
        raise wrong_layout(_part(folder, 'rgb'), f'{options["scene"] or "Scene01"}/'
                           f'{conditions[0]}/frames/rgb/Camera_0/rgb_00000.jpg',
                           'choose another scene or condition, or unpack its images there')
    samples = []
    for task in wanted_tasks(options, TASKS):
        missing = [path for path in _needed(folder, task, places[0]) if not path.exists()]
        if not missing:
            list_task = _stereo if task == 'stereo' else _motion
            samples += [sample for place in places for sample in list_task(folder, place, task)]
        elif options['task'] != ALL_TASKS:
            raise wrong_layout(folder, ' and '.join(str(path.relative_to(folder))
                                                    for path in missing),
                               f'unpack the files for {task} there, or choose another task')
    if not samples:
        raise wrong_layout(folder, 'forwardFlow, or depth with textgt, beside the images',
                           'unpack the truth there')
    return samples


def annotate_flow(path: Path) -> Annotation:
    """
    Read the flow to the next frame.

    :raises FormatError: if the file is wrong.
    """
    image = read_raster(path, np.uint16, 3, 'a flow map of Virtual KITTI')
    height, width = image.shape[:2]
    span = np.array([width - 1, height - 1], np.float64)
    flow = (2 * image[..., :2].astype(np.float64) / FLOW_LEVELS - 1) * span
    flow[image[..., 2] == 0] = np.nan
    return Annotation(flow=flow.astype(np.float32))


def annotate_geometry(task: str, folder: Path, place: Path, frame: int) -> Annotation:
    """
    Read depth, calibration and motion; of a stereo pair also what disparity they make.

    :param task: ``stereo`` (left and right camera) or ``pose`` (left camera, next frame).
    :param folder: of the dataset.
    :param place: scene and condition.
    :param frame: number of the first image.
    :raises FormatError: if a file is wrong, or has nothing about the frame.
    """
    views = ((frame, 0), (frame, 1) if task == 'stereo' else (frame + 1, 0))
    depth0, depth1 = (_read_depth(folder, place, *view) for view in views)
    text = _part(folder, 'textgt') / place
    K0, K1 = _intrinsics(text / 'intrinsic.txt', views)
    poses = [np.linalg.inv(T) for T in _extrinsics(text / 'extrinsic.txt', views)]
    T_1_0 = relative_transform(*poses)
    annotation = Annotation(depth0=depth0, depth1=depth1, K0=K0, K1=K1, T_1_0=T_1_0)
    if task == 'pose':
        return annotation
    baseline_m = -T_1_0[0, 3]
    disparity = K0[0, 0] * baseline_m / depth0 + K0[0, 2] - K1[0, 2]
    return replace(annotation, disparity=disparity.astype(np.float32))


def _part(folder: Path, part: str) -> Path:
    """Find where an archive was unpacked: in a folder of its name, or all in one place."""
    own = folder / f'vkitti_2.0.3_{part}'
    return own if own.is_dir() else folder


def _scenes(folder: Path) -> list[Path]:
    return [path for path in subfolders(_part(folder, 'rgb')) if SCENE.fullmatch(path.name)]


def _needed(folder: Path, task: str, place: Path) -> list[Path]:
    if task == 'flow':
        return [_part(folder, 'forwardFlow') / place / 'frames' / 'forwardFlow' / 'Camera_0']
    needed = [_part(folder, 'depth') / place / 'frames' / 'depth' / 'Camera_0',
              _part(folder, 'textgt') / place / 'extrinsic.txt',
              _part(folder, 'textgt') / place / 'intrinsic.txt']
    if task == 'stereo':
        needed.append(_part(folder, 'rgb') / place / 'frames' / 'rgb' / 'Camera_1')
    return needed


def _images(folder: Path, place: Path) -> list[tuple[int, Path]]:
    camera = _part(folder, 'rgb') / place / 'frames' / 'rgb' / 'Camera_0'
    return sorted((int(match[1]), path) for path in camera.iterdir()
                  if (match := FRAME.fullmatch(path.name)))


def _stereo(folder: Path, place: Path, task: str) -> list[Sample]:
    samples = []
    for frame, left in _images(folder, place):
        right = existing_file(left.parent.parent / 'Camera_1' / left.name,
                              f'the right image of {left}')
        samples.append(Sample(f'stereo/{place.as_posix()}/{frame:05d}', task, left, right,
                              partial(annotate_geometry, task, folder, place, frame), 'vkitti2'))
    return samples


def _motion(folder: Path, place: Path, task: str) -> list[Sample]:
    flow = _part(folder, 'forwardFlow') / place / 'frames' / 'forwardFlow' / 'Camera_0'
    samples = []
    for frame, first in _images(folder, place)[:-1]:
        second = existing_file(first.with_name(f'rgb_{frame + 1:05d}.jpg'),
                               f'the frame that follows {first}')
        read = (partial(annotate_flow, flow / f'flow_{frame:05d}.png') if task == 'flow'
                else partial(annotate_geometry, task, folder, place, frame))
        samples.append(Sample(f'{task}/{place.as_posix()}/{frame:05d}', task, first, second, read,
                              'vkitti2'))
    return samples


def _read_depth(folder: Path, place: Path, frame: int, camera: int) -> np.ndarray:
    path = (_part(folder, 'depth') / place / 'frames' / 'depth' / f'Camera_{camera}'
            / f'depth_{frame:05d}.png')
    levels = read_raster(path, np.uint16, 1, 'a depth map of Virtual KITTI')
    known = (levels > 0) & (levels < SKY)
    return np.where(known, levels / np.float32(CENTIMETRES), np.nan).astype(np.float32)


def _intrinsics(path: Path, views: Views) -> list[np.ndarray]:
    return [np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
            for fx, fy, cx, cy in _rows(path, INTRINSIC_COLUMNS, views)]


def _extrinsics(path: Path, views: Views) -> list[np.ndarray]:
    return [require_rigid(row.reshape(4, 4), f'{path}: the pose of camera {camera} in frame '
                          f'{frame}')
            for row, (frame, camera) in zip(_rows(path, EXTRINSIC_COLUMNS, views), views,
                                            strict=True)]


def _rows(path: Path, columns: int, views: Views) -> list[np.ndarray]:
    """Find the lines of frames and cameras, without these two numbers."""
    table = read_numbers(path, columns, header_lines=1)
    found = []
    for frame, camera in views:
        rows = table[(table[:, 0] == frame) & (table[:, 1] == camera)]
        if len(rows) != 1:
            raise FormatError(f'{path}: expected one line for frame {frame} and camera {camera}, '
                              f'found {len(rows)}')
        found.append(rows[0, 2:])
    return found


VKITTI2 = Dataset(
    'vkitti2', 'Virtual KITTI 2', TASKS,
    'vkitti_2.0.3_rgb/Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg, in the same way '
    'vkitti_2.0.3_forwardFlow/ (flow_00000.png), vkitti_2.0.3_depth/ (depth_00000.png) and '
    'vkitti_2.0.3_textgt/ (intrinsic.txt, extrinsic.txt); or all of them unpacked to one Scene01/',
    'https://europe.naverlabs.com/research/computer-vision/proxy-virtual-worlds-vkitti-2',
    fits, open_vkitti2,
    {'condition': Option('weather, light or direction of the camera', (*CONDITIONS, ALL),
                         CONDITIONS[0]),
     'scene': Option('one scene, like Scene01; all if not given')})
