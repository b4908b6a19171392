"""Choose what is read of a bag, and say what was guessed and which option overrides it."""
from collections.abc import Mapping
from dataclasses import dataclass, field
import re

from ...core.errors import ConfigError, FormatError
from .bag import Bag
from .cameras import (
    DEPTH_ENCODINGS,
    IMAGE_TYPES,
    INFO_TYPE,
    CameraTopic,
    camera_topics,
    find_pair,
    info_of,
)
from .types import OPTICAL_FLOW, decode
from .writer import DISPARITY_IMAGE

CLOUD_TYPE, TF_TYPE = 'sensor_msgs/msg/PointCloud2', 'tf2_msgs/msg/TFMessage'
IMAGE = IMAGE_TYPES[0]
# Types that each option takes.
TAKES = {'left': IMAGE_TYPES, 'right': IMAGE_TYPES, 'image': IMAGE_TYPES,
         'left_info': (INFO_TYPE,), 'right_info': (INFO_TYPE,),
         'gt_depth': (IMAGE,), 'gt_disparity': (DISPARITY_IMAGE, IMAGE),
         'gt_flow': (OPTICAL_FLOW, IMAGE), 'lidar': (CLOUD_TYPE,)}
TRUTH_OPTIONS = {'depth': 'gt_depth', 'disparity': 'gt_disparity', 'flow': 'gt_flow',
                 'lidar': 'lidar'}
TRUTH_ENCODINGS = {'depth': DEPTH_ENCODINGS, 'disparity': ('32FC1',), 'flow': ('32FC2',)}
TRUTH_NAME = re.compile(r'(?<![a-z])(gt|ground_?truth|truth)(?![a-z])')
LIDAR_NAME = re.compile(r'lidar|velo|ouster|(?<![a-z])os\d?_cloud|livox|hesai|pandar|rslidar|'
                        r'robosense|laser')


@dataclass
class Chosen:
    """
    The topics to read.

    :param task: ``stereo``, ``flow`` or ``perception``.
    :param cameras: left and right one, or the only one.
    :param rectify: whether the pair comes raw and is to be rectified.
    :param truths: topic of each kind of ground truth.
    :param notes: what was guessed, and the option that overrides it.
    :param problems: what is missing, and what follows.
    """

    task: str
    cameras: tuple[CameraTopic, ...]
    rectify: bool = False
    truths: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def choose_topics(bag: Bag, task: str = 'auto', given: Mapping[str, str] | None = None,
                  rectify: bool | None = None) -> Chosen:
    """
    Choose topics by type, name and camera_info.

    :param bag: open.
    :param task: ``auto``, ``stereo``, ``flow`` or ``perception``.
    :param given: topics by the names of ``TAKES``; what is missing is guessed.
    :param rectify: whether the pair comes raw; None guesses it.
    :raises ConfigError: if a topic is not there or of another type, or nothing can be matched.
    """
    given = {name: _checked(bag, name, topic) for name, topic in (given or {}).items() if topic}
    cameras = camera_topics(bag)
    wants_pair = task != 'flow' and not ('image' in given and task == 'auto')
    chosen = _choose_pair(bag, cameras, given) if wants_pair else None
    if chosen is None:
        if task in ('stereo', 'perception'):
            raise ConfigError(f'{bag.path}: no stereo pair is found among the images '
                              f'({_listed(cameras)}); name it with --left and --right')
        chosen = _choose_single(bag, cameras, given)
    elif task == 'perception':
        chosen.task = task
    if chosen.task != 'flow':
        _choose_rectify(chosen, rectify)
    _choose_truths(bag, chosen, given)
    return chosen


def _choose_pair(bag: Bag, cameras: list[CameraTopic], given: Mapping[str, str]) -> Chosen | None:
    if 'left' in given or 'right' in given:
        if not ('left' in given and 'right' in given):
            raise ConfigError('--left and --right go together; only one of them was given')
        pair = tuple(_camera(bag, given[side], cameras) for side in ('left', 'right'))
        chosen = Chosen('stereo', pair)
    else:
        found = find_pair(cameras)
        if found is None:
            return None
        left, right, why = found
        chosen = Chosen('stereo', (left, right), notes=[
            f'stereo pair {left.image}, {right.image}, guessed {why} (override: --left, --right; '
            'one camera: --image)'])
    infos = []
    for camera, option in zip(chosen.cameras, ('left_info', 'right_info'), strict=True):
        infos.append(_with_info(bag, camera, given.get(option, '')))
        if infos[-1].calibration is None:
            chosen.problems.append(
                f'no camera_info for {camera.image}: '
                f'{_missing_info(bag, infos[-1], camera.image)}; without it there is no depth '
                f'(--{option.replace("_", "-")} TOPIC or --calib FILE gives it)')
    chosen.cameras = tuple(infos)
    tx = [each.camera.tx for each in infos if each.camera is not None]
    if len(tx) == 2 and tx[0] < tx[1]:
        chosen.notes.append('by P[0, 3] the right camera stands left of the left one; the '
                            'absolute baseline is used. Are the two swapped? (--left, --right)')
    return chosen


def _missing_info(bag: Bag, camera: CameraTopic, image: str) -> str:
    name = camera.info or info_of(image)
    return f'{name} has no message' if name in bag.topics else f'there is no {name}'


def _choose_single(bag: Bag, cameras: list[CameraTopic], given: Mapping[str, str]) -> Chosen:
    name = given.get('image') or given.get('left')
    if name:
        return Chosen('flow', (_camera(bag, name, cameras),))
    if not cameras:
        raise ConfigError(f'{bag.path}: no topic with camera images is found; the bag holds '
                          f'{_topics_text(bag)}')
    found = next((camera for camera in cameras if 'left' in camera.image), cameras[0])
    return Chosen('flow', (found,), notes=[
        f'camera {found.image} for optical flow, guessed (override: --image; a stereo pair: '
        '--left, --right)'])


def _choose_rectify(chosen: Chosen, rectify: bool | None) -> None:
    if rectify is not None:
        chosen.rectify = rectify
        return
    chosen.rectify = all(camera.needs_rectification for camera in chosen.cameras)
    raw = 'raw, so they are rectified here' if chosen.rectify else 'rectified'
    if any(camera.is_called_raw and camera.calibration is None for camera in chosen.cameras):
        chosen.notes.append('the images are called raw, and without camera_info they cannot be '
                            'rectified: what is matched is only right if they are rectified')
        return
    chosen.notes.append(f'the images are taken to be {raw}, by name and camera_info (override: '
                        f'--{"no-" if chosen.rectify else ""}rectify)')


def _choose_truths(bag: Bag, chosen: Chosen, given: Mapping[str, str]) -> None:
    kinds = {'stereo': ('depth', 'disparity', 'lidar'), 'flow': ('flow',),
             'perception': tuple(TRUTH_OPTIONS)}[chosen.task]
    for kind, option in TRUTH_OPTIONS.items():
        flag = f'--{option.replace("_", "-")}'
        if given.get(option, 'none') != 'none' and kind not in kinds:
            raise ConfigError(f'{flag} is not for the task {chosen.task} (override: --task)')
        if kind not in kinds:
            continue
        topic = given.get(option) or _guess_truth(bag, kind)
        if topic:
            chosen.truths[kind] = topic
            if option not in given:
                chosen.notes.append(f'{kind} truth {topic}, guessed by name and type (override: '
                                    f'{flag} TOPIC, or {flag} none)')
    chosen.truths = {kind: topic for kind, topic in chosen.truths.items() if topic != 'none'}


def _guess_truth(bag: Bag, kind: str) -> str:
    """Find a topic by its name and type, and images also by their encoding."""
    for topic in bag.topics.values():
        name = topic.name.lower()
        if not topic.count or topic.message_type not in TAKES[TRUTH_OPTIONS[kind]]:
            continue
        if kind == 'lidar':
            fits = bool(LIDAR_NAME.search(name))
        elif topic.message_type == IMAGE:
            fits = bool(TRUTH_NAME.search(name)) and kind in name and _encoding(
                bag, topic.name) in TRUTH_ENCODINGS[kind]
        else:
            fits = bool(TRUTH_NAME.search(name))
        if fits:
            return topic.name
    return ''


def _encoding(bag: Bag, topic: str) -> str:
    """Give the encoding of the first image of a topic."""
    record = bag.first([topic]).get(topic)
    try:
        return decode(record.data, record.message_type, topic).encoding if record else ''
    except FormatError:
        return ''


def _camera(bag: Bag, image: str, cameras: list[CameraTopic]) -> CameraTopic:
    """Give the camera of an image topic, also of one that would not be chosen."""
    found = next((camera for camera in cameras if camera.image == image), None)
    return found or _with_info(bag, CameraTopic(image, '', None), '')


def _with_info(bag: Bag, camera: CameraTopic, info: str) -> CameraTopic:
    """Look up the camera_info of a camera, at a topic that may be given."""
    name = info or camera.info or info_of(camera.image)
    if camera.calibration is not None and name == camera.info:
        return camera
    record = bag.first([name]).get(name)
    if record is None:
        return CameraTopic(camera.image, name if name in bag.topics else '', None)
    try:
        return CameraTopic(camera.image, name, decode(record.data, INFO_TYPE, name))
    except FormatError:
        return CameraTopic(camera.image, name, None)


def _checked(bag: Bag, option: str, topic: str) -> str:
    """Check a topic that an option names; its leading slash may be missing."""
    flag = f'--{option.replace("_", "-")}'
    if topic == 'none' and option in TRUTH_OPTIONS.values():
        return topic
    name = topic if topic in bag.topics else f'/{topic}'
    if name not in bag.topics:
        fitting = [each.name for each in bag.topics.values() if each.message_type in TAKES[option]]
        raise ConfigError(f'{flag} {topic}: the bag has no such topic; those of a type that fits '
                          f'are {", ".join(fitting) or "none"}')
    message_type = bag.topics[name].message_type
    if message_type not in TAKES[option]:
        raise ConfigError(f'{flag} {topic} is of type {message_type}; expected '
                          f'{" or ".join(TAKES[option])}')
    return name


def _listed(cameras: list[CameraTopic]) -> str:
    return ', '.join(camera.image for camera in cameras) or 'there are none'


def _topics_text(bag: Bag) -> str:
    texts = [f'{topic.name} ({topic.message_type})' for topic in bag.topics.values()]
    return ', '.join(texts[:20]) + (' ...' if texts[20:] else '') or 'nothing'
