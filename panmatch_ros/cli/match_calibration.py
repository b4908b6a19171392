"""Calibrations of ``panmatch match``, brought to the size of the images."""
import argparse
import sys
from typing import TYPE_CHECKING, TypeVar

from ..core.errors import CalibrationError

if TYPE_CHECKING:
    from ..core.camera import Camera, StereoRig

SIZE_TOLERANCE_PX = 1.0  # resizing to a given width may round the height up or down

Calibrated = TypeVar('Calibrated', 'Camera', 'StereoRig')


def load_calibration(args: argparse.Namespace, size: tuple[int, int]) -> 'StereoRig | None':
    """
    Read the rig and bring it to the size of the images.

    :param size: (height, width) of the images, pixels.
    :returns: None without ``--calib``.
    :raises PanMatchError: if a file cannot be read or describes another shape of image.
    """
    if not args.calib:
        note('without --calib there is no depth and no point cloud')
        return None
    from ..data.calibration import load_rig
    rig = load_rig(*args.calib)
    if rig.baseline_sign_is_unusual:
        note('the calibration puts the right camera left of the left one; if the two files are '
             'swapped, depths are still of the right size')
    return fit_to_images(rig, (rig.left.height, rig.left.width), size)


def fit_to_images(calibrated: Calibrated, described: tuple[int, int],
                  size: tuple[int, int]) -> Calibrated:
    """
    Scale a calibration for the same images at another size, and say so.

    :param calibrated: a camera or a rig.
    :param described: (height, width) that it is for, pixels.
    :param size: (height, width) of the images, pixels.
    :raises CalibrationError: if it is for another shape of image.
    """
    height, width = size
    if described == (height, width):
        return calibrated
    text = f'the calibration is for {described[1]}x{described[0]}, the images are'
    if abs(described[0] * width / described[1] - height) > SIZE_TOLERANCE_PX:
        raise CalibrationError(f'{text} {width}x{height}: another shape, so they were '
                               'cropped or belong to other cameras')
    note(f'{text} {width}x{height}: scaled by {width / described[1]:.4g}')
    return calibrated.resized(height, width)


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch match: {text}', file=sys.stderr)
