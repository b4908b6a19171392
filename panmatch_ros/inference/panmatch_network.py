"""The PanMatch network in the parts that any back-end computes."""
from typing import TYPE_CHECKING

import numpy as np

from .backends.base import to_numpy
from .panmatch_source import PanMatchSource
from .panmatch_torch import Field, View
from .programs import Programs

if TYPE_CHECKING:
    from ..models.config import PanMatchConfig


class PartsNetwork:
    """
    What :class:`~.panmatch_torch.TorchNetwork` does, by programs.

    The two directions share the features, but compare them once each.

    :param source: the network.
    :param programs: what computes its parts.
    """

    def __init__(self, source: PanMatchSource, programs: Programs) -> None:
        self.source, self.programs = source, programs

    @property
    def config(self) -> 'PanMatchConfig':
        """Form of the network."""
        return self.source.model.config

    @property
    def backend(self) -> str:
        """Library that computed last."""
        return self.programs.backend.name

    @property
    def device_type(self) -> str:
        """Where it computed, 'cpu' or 'cuda'."""
        return self.programs.backend.device

    @property
    def precision(self) -> str:
        """In which precision."""
        return self.programs.backend.precision

    @property
    def status(self) -> str:
        """What users should know about engines; empty if nothing."""
        return self.programs.status

    def prepare(self, size: tuple[int, int]) -> None:
        """
        Do now what the first pair of a size would wait for.

        :param size: (height, width) that the network sees, pixels.
        """
        self.programs.prepare('match', size)

    def encode(self, image: np.ndarray) -> View:
        """
        Describe an image, with its context.

        :param image: (3, h, w) float32 of :class:`.transform.StretchTransform`.
        """
        height, width = image.shape[1:]
        found = self.programs.run('encoder', (height, width), {'image': image[None]})
        return View(found['fmap'], found['context'], (height, width))

    def encode_pair(self, image0: np.ndarray, image1: np.ndarray,
                    both_contexts: bool) -> tuple[View, View]:
        """
        Describe two images, each once.

        :param image0: (3, h, w) float32.
        :param image1: likewise.
        :param both_contexts: has no effect: there is always a context.
        """
        return self.encode(image0), self.encode(image1)

    def match(self, view0: View, view1: View, both: bool,
              guess: np.ndarray | None = None) -> list[Field]:
        """
        Match two images.

        :param both: also match image 1 to image 0.
        :param guess: has no effect: the graphs start from nothing.
        :returns: image 0 to image 1 and, if ``both``, image 1 to image 0.
        """
        pairs = ((view0, view1), (view1, view0)) if both else ((view0, view1),)
        return [self._field(*pair) for pair in pairs]

    def _field(self, view0: View, view1: View) -> Field:
        found = self.programs.run('match', view0.size, {
            'fmap0': view0.fmap, 'fmap1': view1.fmap, 'context0': view0.context})
        confidence = found.get('confidence')
        return Field(np.ascontiguousarray(to_numpy(found['flow'])[0].transpose(1, 2, 0)),
                     None if confidence is None else to_numpy(confidence)[0, 0])
