"""Images for the demo: real ones if they can be had, rendered ones otherwise."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.camera import StereoRig
from ..core.errors import MissingDependencyError
from ..data.calibration import write_middlebury_calib
from ..data.formats import read_disparity
from ..data.images import write_image
from ..data.samples import fetch_samples, find_samples, sample_rig_aloe
from ..data.synthetic.motion import render_flow_sequence
from ..data.synthetic.planes import render_stereo_scene

ALOE_SCALE = 0.5
RENDERED_SIZE = (480, 640)
RENDERED_FRAMES = 24


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
        video=samples / 'vtest.avi', video_hz=8.0)


def _rendered(folder: Path) -> DemoInputs:
    rig = StereoRig.ideal(RENDERED_SIZE, focal_px=500.0, baseline_m=0.12)
    scene = render_stereo_scene(rig)
    for side in ('left', 'right'):
        write_image(folder / f'{side}.png', getattr(scene, side))
    calibration = folder / 'calib.txt'
    write_middlebury_calib(calibration, rig)
    video = folder / 'video'
    video.mkdir(exist_ok=True)
    frames = render_flow_sequence(RENDERED_SIZE, RENDERED_FRAMES).frames
    for index, frame in enumerate(frames):
        write_image(video / f'{index:03d}.png', frame)
    return DemoInputs(
        origin='rendered scene with exact ground truth (no sample images)',
        left=folder / 'left.png', right=folder / 'right.png', calibration=calibration,
        scale=1.0, rig=rig, disparity_truth=scene.disparity, video=video, video_hz=8.0)
