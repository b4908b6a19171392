"""Two images in memory and what is known about them, as a pair that can be evaluated."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.images import write_image
from ..data.sample import Annotation, Sample, unknown
from .run_folder import file_name


@dataclass(frozen=True)
class Example:
    """
    Two images, and what is known about them.

    :param name: how the results call it.
    :param task: one of :data:`..data.sample.TASKS`.
    :param image0: left or first image, as :func:`~..data.images.read_image` gives it.
    :param image1: right or second image.
    :param annotation: what is known.
    """

    name: str
    task: str
    image0: np.ndarray
    image1: np.ndarray
    annotation: Annotation = unknown()  # noqa: RUF009 - frozen

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of image 0, pixels."""
        return self.image0.shape[0], self.image0.shape[1]


def store_example(example: Example, folder: Path, dataset: str) -> Sample:
    """
    Write the images of an example as files, without loss.

    :param folder: is made if it does not exist.
    :param dataset: what the sample says it is of.
    :returns: the sample; its annotation stays in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = file_name(f'{example.task} {example.name}')
    first, second = (folder / f'{stem}-{number}.png' for number in (0, 1))
    write_image(first, example.image0)
    write_image(second, example.image1)
    return Sample(example.name, example.task, first, second, lambda: example.annotation, dataset)
