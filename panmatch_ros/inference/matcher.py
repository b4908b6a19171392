"""The one door to any matcher: numpy images in, core types out."""
from abc import ABC, abstractmethod

import numpy as np

from ..core.errors import ConfigError
from ..core.types import Disparity, Displacement
from .streaming import FlowStream, RigStream

TASKS = ('flow', 'stereo')


class Matcher(ABC):
    """
    Finds where the pixels of one image are in another.

    Images are (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; uint8, uint16 or floating
    point in [0, 1]. Results have the size of the input. A matcher keeps no state between
    calls that changes a result; one matcher is used by one thread at a time. ``backend``,
    ``precision`` and ``status`` are those of the last call.
    """

    name: str = ''         # as the factory calls it
    backend: str = ''      # what computes: 'opencv', 'onnxruntime', 'torch', ...
    precision: str = 'fp32'
    status: str = ''       # what users should know about engines; empty if nothing
    disparity_step: float = 0.0625  # smallest difference it can tell, pixels

    @abstractmethod
    def match(self, image0: np.ndarray, image1: np.ndarray) -> Displacement:
        """
        Match every pixel of image 0 to image 1.

        :param image0: first (older) image.
        :param image1: second (newer) image, same size.
        :returns: displacement on the grid of image 0.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty, too small for the method or too large.
        """

    @abstractmethod
    def match_stereo(self, left: np.ndarray, right: np.ndarray) -> Disparity:
        """
        Match a rectified pair along its rows.

        :param left: left image.
        :param right: right image, same size.
        :returns: disparity ``x_left - x_right`` on the grid of the left image.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty, too small for the method or too large.
        """

    def search_range(self, width: int) -> tuple[float, float]:
        """
        Smallest and largest disparity that :meth:`match_stereo` can find.

        :param width: of the images, pixels.
        """
        return 0.0, float(width)

    def for_task(self, task: str) -> 'Matcher':
        """
        Give the matcher that does a task, ready to match: this one, if it does not choose.

        :param task: 'flow' or 'stereo'.
        :raises ConfigError: if there is no such task.
        :raises PanMatchError: if that matcher cannot be made.
        """
        if task not in TASKS:
            raise ConfigError(f'there is no task {task!r}; choose one of {", ".join(TASKS)}')
        return self

    def prepare(self, task: str, size: tuple[int, int]) -> None:
        """
        Do now what the first pair of a size would wait for; nothing with most matchers.

        :param task: 'flow' or 'stereo'.
        :param size: (height, width) of the images, pixels.
        :raises ConfigError: if there is no such task.
        :raises PanMatchError: as the matching itself.
        """
        self.for_task(task)

    def stream(self) -> FlowStream:
        """Match the images of a sequence, each to the one before it."""
        return FlowStream(self)

    def rig_stream(self) -> RigStream:
        """Match the pairs of a stereo camera, and each left image to the one before it."""
        return RigStream(self)
