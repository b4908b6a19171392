"""The PanMatch network on a CPU or CUDA device: numpy in, numpy out."""
from collections.abc import Iterator
from contextlib import contextmanager
import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.errors import ConfigError
from .backends.torch_backend import computing, find_device, memory_errors

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.config import PanMatchConfig
    from ..models.panmatch import Features, PanMatch

_NAMELESS_FIELDS = ('iterations', 'confidence_head', 'reference_quirks', 'guided_upsampling')
LEFT_OUT = 'guided_upsampling.'  # start of the names of the weights that the ablation has not


class View(NamedTuple):
    """What is kept of an image (or tile); enough to match it to any other."""

    fmap: Any              # (1, D, h / 8, w / 8): a tensor, or what another back-end has
    context: Any           # likewise; only needed of the image that is matched, else None
    size: tuple[int, int]  # (h, w)


class Field(NamedTuple):
    """Result of one direction, in pixels of the network's frame."""

    flow: np.ndarray               # (h, w, 2) float32
    confidence: np.ndarray | None  # (h, w) float32, if the network predicts one


class TorchNetwork:
    """
    A network on its device; computes in inference mode and changes no global setting of torch.

    :param model: network in evaluation mode; it is moved.
    :param device: 'auto', 'cpu' or 'cuda'.
    :param precision: 'auto', 'fp32', 'fp16' or 'bf16'.
    :raises ConfigError: if there is no such device.
    """

    backend = 'torch'
    status = ''

    def __init__(self, model: 'PanMatch', device: str = 'auto', precision: str = 'auto') -> None:
        self.device = find_device(device)
        self.device_type = self.device.type
        self.precision = 'fp32' if precision == 'auto' else precision
        self.config = model.config
        from torch import channels_last  # the order that convolutions are fastest in
        with memory_errors():
            self._model = model.to(self.device, memory_format=channels_last)
            self._model.eval().requires_grad_(False)

    def prepare(self, size: tuple[int, int]) -> None:
        """Do nothing: the first pair of a size waits for nothing."""

    def encode(self, image: np.ndarray) -> View:
        """
        Describe an image, with its context.

        :param image: (3, h, w) float32 of :class:`.transform.StretchTransform`.
        """
        with self._computing():
            return self._view(self._model.encode(self._tensor(image)))

    def encode_pair(self, image0: np.ndarray, image1: np.ndarray,
                    both_contexts: bool) -> tuple[View, View]:
        """
        Describe two images, each once.

        :param image0: (3, h, w) float32.
        :param image1: likewise.
        :param both_contexts: give the second view a context too, so that it can be matched.
        """
        with self._computing():
            features = self._model.encode_pair(self._tensor(image0), self._tensor(image1))
            return self._view(features[0]), self._view(features[1], both_contexts)

    def match(self, view0: View, view1: View, both: bool,
              guess: np.ndarray | None = None) -> list[Field]:
        """
        Match two images; the network keeps costs and positions in single precision.

        :param view0: with context.
        :param view1: with context if ``both``.
        :param both: also match image 1 to image 0, from the same comparison.
        :param guess: flow (h, w, 2) from image 0 to image 1 to start from, pixels.
        :returns: image 0 to image 1 and, if ``both``, image 1 to image 0.
        """
        with self._computing():
            volume = self._model.correlate(view0.fmap, view1.fmap)
            start = None if guess is None else self._tensor(
                np.ascontiguousarray(guess.transpose(2, 0, 1)))
            fields = [self._field(volume, view0, start)]
            if both:
                fields.append(self._field(volume.transpose(1, 2), view1))
            return fields

    def _tensor(self, image: np.ndarray) -> 'Tensor':
        import torch
        return torch.from_numpy(image)[None].to(self.device)

    def _view(self, features: 'Features', with_context: bool = True) -> View:
        context = self._model.context_of(features) if with_context else None
        height, width = features.fmap.shape[2:]
        return View(features.fmap, context, (8 * height, 8 * width))

    def _field(self, volume: 'Tensor', view: View, start: 'Tensor | None' = None) -> Field:
        prediction = self._model.match(volume, view.context, start)
        flow = prediction.flow[0].permute(1, 2, 0).cpu().numpy()
        confidence = prediction.confidence
        return Field(flow, None if confidence is None else confidence[0, 0].cpu().numpy())

    @contextmanager
    def _computing(self) -> Iterator[None]:
        import torch
        with memory_errors(), torch.inference_mode(), computing(self.device, self.precision):
            yield


def with_iterations(model: 'PanMatch', iterations: int) -> 'PanMatch':
    """
    Change the number of updates; the parameters are the same for any.

    :param iterations: 0 leaves the network as it is.
    :returns: a network that shares the parameters.
    """
    if iterations in (0, model.config.iterations):
        return model
    import torch

    from ..models.panmatch import PanMatch
    config = dataclasses.replace(model.config, iterations=iterations)
    with torch.device('meta'):
        changed = PanMatch(config)
    changed.load_state_dict(model.state_dict(), assign=True)
    return changed.train(model.training)


def with_bilinear_upsampling(model: 'PanMatch', source: str) -> 'PanMatch':
    """
    Replace the guided upsampling of the features by a bilinear one (PanMatch Sec. 3.1).

    :param model: trained with guidance: what follows has never seen other features, so this
        tells what the guidance does in this network, not what a network trained without is
        worth.
    :param source: how errors call it.
    :returns: a network that shares all parameters but those that begin with ``LEFT_OUT``.
    :raises ConfigError: if the network has no guided upsampling.
    """
    if not model.config.guided_upsampling:
        raise ConfigError(f'{source} holds a network without guided upsampling: there is nothing '
                          'to replace by upsampling bilinear')
    import torch

    from ..models.panmatch import PanMatch
    with torch.device('meta'):
        changed = PanMatch(dataclasses.replace(model.config, guided_upsampling=False))
    kept = {name: tensor for name, tensor in model.state_dict().items()
            if not name.startswith(LEFT_OUT)}
    changed.load_state_dict(kept, strict=True, assign=True)
    return changed.train(model.training)


def network_name(config: 'PanMatchConfig') -> str:
    """
    Name of the preset that a network is one of.

    :returns: the name, 'panmatch' if there is none. Settings that do not change the network's
        size are not compared, nor is the upsampling, so that an ablation has the name of its
        network.
    """
    from ..models.presets import PRESETS
    for name, known in PRESETS.items():
        same = {field: getattr(config, field) for field in _NAMELESS_FIELDS}
        if dataclasses.replace(known, **same) == config:
            return name
    return 'panmatch'
