"""Images for the demo: real ones if they can be had, rendered ones otherwise."""
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..core.camera import StereoRig
from ..core.errors import ImageError, MissingDependencyError
from ..data.calibration import write_middlebury_calib
from ..data.formats import read_disparity
from ..data.images import read_image, write_image
from ..data.sample import Annotation
from ..data.samples import fetch_samples, find_samples, sample_rig_aloe
from ..data.synthetic.motion import FlowSequence, render_flow_sequence
from ..data.synthetic.planes import StereoScene, render_stereo_scene
from ..evaluation.example import Example
from .demo_rig import RigSequence, render_rig_sequence

ALOE_SCALE = 0.5
RENDERED_SIZE = (480, 640)
RENDERED_FRAMES = 24
RENDERED_COMPARED = (0, 12)  # first of the two frames of each flow pair that is compared
FLOW_SAMPLES = {'rubberwhale': 'RubberWhale (Middlebury flow)',
                'basketball': 'Basketball (Middlebury flow)'}
VIDEO_FRAME = 100


@dataclass(frozen=True)
class DemoPair:
    """
    Two images on which matchers are compared.

    :param name: for people.
    :param task: 'stereo' or 'flow'.
    :param load: reads images and truth, if that is known.
    """

    name: str
    task: str
    load: Callable[[], Example]


@dataclass(frozen=True)
class DemoInputs:
    """
    What the demo plays.

    :param origin: what the images are, for people.
    :param left: left image file.
    :param right: right image file.
    :param calibration: Middlebury calib.txt of the pair.
    :param scale: by which the player resizes the pair.
    :param rig: of the resized pair.
    :param disparity_truth: (H, W) float32, ``x_left - x_right`` of the resized pair, pixels;
        NaN where unknown.
    :param video: video file or folder of images for the flow.
    :param video_hz: at which it is played.
    :param rig_sequence: what the perception node sees, always rendered.
    :param pairs: on which the matchers are compared.
    """

    origin: str
    left: Path
    right: Path
    calibration: Path
    scale: float
    rig: StereoRig
    disparity_truth: np.ndarray
    video: Path
    video_hz: float
    rig_sequence: RigSequence
    pairs: tuple[DemoPair, ...] = ()


def prepare_inputs(folder: Path, offline: bool, say: Callable[[str], None]) -> DemoInputs:
    """
    Find, fetch or render the images.

    :param folder: where generated files go.
    :param offline: render in any case.
    :param say: told what happens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if offline:
        return _rendered(folder)
    samples = find_samples()
    if samples is None:
        say('fetching the sample images (Debian package opencv-doc, 95 MB, once)')
        try:
            samples = fetch_samples()
        except MissingDependencyError as error:
            say(f'no sample images: {error}')
            say('using a rendered scene with exact ground truth instead')
            return _rendered(folder)
    return _real(samples, folder)


def _real(samples: Path, folder: Path) -> DemoInputs:
    import cv2
    truth = read_disparity(samples / 'aloeGT.png', scale=1.0)
    height, width = (round(side * ALOE_SCALE) for side in truth.shape)
    small = cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST) * ALOE_SCALE
    rig = sample_rig_aloe()
    calibration = folder / 'calib.txt'
    write_middlebury_calib(calibration, rig)
    return DemoInputs(
        origin='real images of the package opencv-doc: stereo pair Aloe (Middlebury 2006, '
               f'played at {width}x{height}), street video vtest.avi',
        left=samples / 'aloeL.jpg', right=samples / 'aloeR.jpg', calibration=calibration,
        scale=ALOE_SCALE, rig=rig.resized(height, width), disparity_truth=small,
        video=samples / 'vtest.avi', video_hz=8.0,
        rig_sequence=render_rig_sequence(folder / 'rig'), pairs=_sample_pairs(samples, small))


def _sample_pairs(samples: Path, aloe_truth: np.ndarray) -> tuple[DemoPair, ...]:
    """List the stereo pair that is played, and what the package has for flow."""
    name = 'Aloe (Middlebury 2006, half size)'
    pairs = [DemoPair(name, 'stereo', partial(_aloe, name, samples, aloe_truth))]
    for stem, name in FLOW_SAMPLES.items():
        first, second = (samples / f'{stem}{number}.png' for number in (1, 2))
        if first.exists() or second.exists():  # one that is missing is told on the page
            pairs.append(DemoPair(name, 'flow', partial(_image_files, name, first, second)))
    name = f'vtest.avi (frames {VIDEO_FRAME} and {VIDEO_FRAME + 1})'
    pairs.append(DemoPair(name, 'flow', partial(_video_frames, name, samples / 'vtest.avi')))
    return tuple(pairs)


def _aloe(name: str, samples: Path, truth: np.ndarray) -> Example:
    import cv2
    size = (truth.shape[1], truth.shape[0])
    left, right = (cv2.resize(read_image(samples / f'aloe{side}.jpg'), size,
                              interpolation=cv2.INTER_AREA) for side in 'LR')
    return Example(name, 'stereo', left, right, Annotation(disparity=truth))


def _image_files(name: str, first: Path, second: Path) -> Example:
    return Example(name, 'flow', read_image(first), read_image(second))


def _video_frames(name: str, video: Path) -> Example:
    """
    Read two frames that follow each other.

    :raises ImageError: if the video does not have them.
    """
    import cv2
    capture = cv2.VideoCapture(str(video))
    capture.set(cv2.CAP_PROP_POS_FRAMES, VIDEO_FRAME)
    frames = [capture.read() for _ in range(2)]
    capture.release()
    if not all(done for done, _ in frames):
        raise ImageError(f'{video}: frames {VIDEO_FRAME} and {VIDEO_FRAME + 1} cannot be read')
    older, newer = (cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) for _, frame in frames)
    return Example(name, 'flow', older, newer)


def _rendered(folder: Path) -> DemoInputs:
    rig = StereoRig.ideal(RENDERED_SIZE, focal_px=500.0, baseline_m=0.12)
    scene = render_stereo_scene(rig)
    for side in ('left', 'right'):
        write_image(folder / f'{side}.png', getattr(scene, side))
    calibration = folder / 'calib.txt'
    write_middlebury_calib(calibration, rig)
    video = folder / 'video'
    video.mkdir(exist_ok=True)
    sequence = render_flow_sequence(RENDERED_SIZE, RENDERED_FRAMES)
    for index, frame in enumerate(sequence.frames):
        write_image(video / f'{index:03d}.png', frame)
    return DemoInputs(
        origin='rendered scene with exact ground truth (no sample images)',
        left=folder / 'left.png', right=folder / 'right.png', calibration=calibration,
        scale=1.0, rig=rig, disparity_truth=scene.disparity, video=video, video_hz=8.0,
        rig_sequence=render_rig_sequence(folder / 'rig'), pairs=_rendered_pairs(scene, sequence))


def _rendered_pairs(scene: StereoScene, sequence: FlowSequence) -> tuple[DemoPair, ...]:
    examples = [Example('rendered stereo scene', 'stereo', scene.left, scene.right,
                        Annotation(disparity=scene.disparity))]
    for index in RENDERED_COMPARED:
        examples.append(Example(
            f'rendered motion (frames {index} and {index + 1})', 'flow', sequence.frames[index],
            sequence.frames[index + 1], Annotation(flow=sequence.flows[index])))
    return tuple(DemoPair(example.name, example.task, partial(_same, example))
                 for example in examples)


def _same(example: Example) -> Example:
    return example
