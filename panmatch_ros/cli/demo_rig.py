"""A rendered stereo sequence for perception_node: the camera moves, and one object moves."""
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.camera import StereoRig
from ..core.errors import ImageError
from ..data.calibration import write_middlebury_calib
from ..data.images import write_image
from ..data.synthetic.planes import StereoScene, render_stereo_scene

SIZE = (240, 320)
FOCAL_PX, BASELINE_M = 256.0, 0.12
SEED = 9                             # its nearest object is in the middle
STEPS = 5                            # places of the camera and the object
CAMERA_STEP_M = (0.02, 0.0, 0.03)    # from one to the next: x right, y down, z forward
OBJECT_STEP_M = (0.06, 0.0, 0.02)


@dataclass(frozen=True)
class RigSequence:
    """
    What is played, there and back without end, and the truth about it.

    :param left: folder of the left images.
    :param right: folder of the right images.
    :param calibration: Middlebury calib.txt.
    :param scenes: one for each place, in order.
    """

    left: Path
    right: Path
    calibration: Path
    scenes: tuple[StereoScene, ...]

    def place_of(self, image: np.ndarray) -> int:
        """
        Tell at which place a left image was taken.

        :raises ImageError: if it is none of the sequence.
        """
        for place, scene in enumerate(self.scenes):
            if np.array_equal(scene.left, image):
                return place
        raise ImageError('the image is none of the rendered sequence')

    def object_motion_m(self, older: np.ndarray, newer: np.ndarray) -> np.ndarray:
        """
        Tell how far the object moved in the world, which the camera does not turn in.

        :param older: left image.
        :param newer: left image.
        :returns: (3,) metres.
        :raises ImageError: if one is none of the sequence.
        """
        return (self.place_of(newer) - self.place_of(older)) * np.array(OBJECT_STEP_M)


def render_rig_sequence(folder: Path) -> RigSequence:
    """
    Render the sequence and write what is played.

    :param folder: where to.
    """
    rig = StereoRig.ideal(SIZE, FOCAL_PX, BASELINE_M)
    scenes = tuple(render_stereo_scene(rig, SEED, _times(place, CAMERA_STEP_M),
                                       _times(place, OBJECT_STEP_M)) for place in range(STEPS))
    folder.mkdir(parents=True, exist_ok=True)
    calibration = folder / 'calib.txt'
    write_middlebury_calib(calibration, rig)
    for side in ('left', 'right'):
        (folder / side).mkdir(exist_ok=True)
        for index, place in enumerate(_there_and_back()):
            write_image(folder / side / f'{index:03d}.png', getattr(scenes[place], side))
    return RigSequence(folder / 'left', folder / 'right', calibration, scenes)


def _there_and_back() -> Iterator[int]:
    yield from range(STEPS)
    yield from range(STEPS - 2, 0, -1)


def _times(count: int, step: tuple[float, float, float]) -> tuple[float, float, float]:
    return count * step[0], count * step[1], count * step[2]
