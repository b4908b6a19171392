"""Images one after the other: those of a folder or a pattern, or the frames of a video."""
from collections.abc import Iterator
import glob
import os
from pathlib import Path

import cv2
import numpy as np

from ..core.errors import ImageError
from ..core.image import to_rgb
from .images import read_image

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.ppm', '.pgm', '.tif', '.tiff')
VIDEO_SUFFIXES = ('.avi', '.mp4', '.mov', '.mkv', '.webm')


def frames_of(source: str, loop: bool) -> Iterator[np.ndarray]:
    """
    Read the frames of a file, folder, pattern or video.

    :returns: (H, W, 3) uint8 RGB images; without end if ``loop``.
    :raises ImageError: if there is nothing to read.
    """
    names = files_of(source)
    if Path(names[0]).suffix.lower() in VIDEO_SUFFIXES:
        return _video(Path(names[0]), loop)
    to_rgb(read_image(Path(names[0])))  # an error now, not when the first frame is due
    return _files(names, loop)


def files_of(source: str) -> list[str]:
    """
    List the files of a file name, folder or pattern; ``~`` is the home folder.

    :raises ImageError: if a folder holds no image.
    """
    source = os.path.expanduser(source)
    path = Path(source)
    if path.is_dir():
        names = sorted(str(file) for file in path.iterdir()
                       if file.suffix.lower() in IMAGE_SUFFIXES)
    else:
        names = sorted(glob.glob(source)) or [source]
    if not names:
        raise ImageError(f'{source}: the folder holds no image; expected '
                         f'{", ".join(IMAGE_SUFFIXES)}')
    return names


def _files(names: list[str], loop: bool) -> Iterator[np.ndarray]:
    if len(names) == 1:
        image = to_rgb(read_image(Path(names[0])))
        yield image
        while loop:
            yield image
        return
    while True:
        for name in names:
            yield to_rgb(read_image(Path(name)))
        if not loop:
            return


def _video(path: Path, loop: bool) -> Iterator[np.ndarray]:
    while True:
        capture = cv2.VideoCapture(str(path))
        count = 0
        while True:
            found, frame = capture.read()
            if not found:
                break
            count += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        capture.release()
        if count == 0:
            raise ImageError(f'{path}: not a video that OpenCV can read')
        if not loop:
            return
