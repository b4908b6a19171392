"""The PanMatch network on a CPU or CUDA device: numpy in, numpy out."""
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.errors import ConfigError, ImageError, MissingDependencyError

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.config import PanMatchConfig
    from ..models.panmatch import Features, PanMatch
    from .panmatch_config import PanMatchOptions

log = logging.getLogger(__name__)

_RUN_TIME_FIELDS = ('iterations', 'confidence_head', 'reference_quirks')


class View(NamedTuple):
    """What is kept of an image (or tile); enough to match it to any other."""

    fmap: 'Tensor'             # (1, D, h / 8, w / 8)
    context: 'Tensor | None'   # likewise; only needed of the image that is matched


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

    def __init__(self, model: 'PanMatch', device: str = 'auto', precision: str = 'auto') -> None:
        self.device = find_device(device)
        self.precision = 'fp32' if precision == 'auto' else precision
        self.config = model.config
        from torch import channels_last  # the order that convolutions are fastest in
        with _memory_errors():
            self._model = model.to(self.device, memory_format=channels_last)
            self._model.eval().requires_grad_(False)

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

    def match(self, view0: View, view1: View, both: bool) -> list[Field]:
        """
        Match two images; the network keeps costs and positions in single precision.

        :param view0: with context.
        :param view1: with context if ``both``.
        :param both: also match image 1 to image 0, from the same comparison.
        :returns: image 0 to image 1 and, if ``both``, image 1 to image 0.
        """
        with self._computing():
            volume = self._model.correlate(view0.fmap, view1.fmap)
            fields = [self._field(volume, view0)]
            if both:
                fields.append(self._field(volume.transpose(1, 2), view1))
            return fields

    def _tensor(self, image: np.ndarray) -> 'Tensor':
        import torch
        return torch.from_numpy(image)[None].to(self.device)

    def _view(self, features: 'Features', with_context: bool = True) -> View:
        context = self._model.context_of(features) if with_context else None
        return View(features.fmap, context)

    def _field(self, volume: 'Tensor', view: View) -> Field:
        prediction = self._model.match(volume, view.context)
        flow = prediction.flow[0].permute(1, 2, 0).cpu().numpy()
        confidence = prediction.confidence
        return Field(flow, None if confidence is None else confidence[0, 0].cpu().numpy())

    @contextmanager
    def _computing(self) -> Iterator[None]:
        import torch
        with ExitStack() as stack:
            stack.enter_context(_memory_errors())
            stack.enter_context(torch.inference_mode())
            if self.precision == 'fp32':
                # Convolutions of CUDA would otherwise round their inputs to ten bits.
                stack.enter_context(torch.backends.cudnn.flags(allow_tf32=False))
            else:
                half = torch.float16 if self.precision == 'fp16' else torch.bfloat16
                stack.enter_context(torch.autocast(self.device.type, half))
            yield


def load_network(options: 'PanMatchOptions') -> tuple[TorchNetwork, tuple[int, int] | None]:
    """
    Read a checkpoint and make it ready.

    :param options: ``weights``, ``device``, ``precision`` and ``iterations`` of them.
    :returns: network, and the (height, width) that it was trained on if the file tells.
    :raises ConfigError: if there is no such file or device.
    :raises PanMatchError: if the file cannot be used.
    :raises MissingDependencyError: if torch is not installed.
    """
    path = Path(options.weights).expanduser()
    if not path.is_file():
        what = 'is a folder' if path.is_dir() else 'does not exist'
        raise ConfigError(f'weights: {path} {what}; name a checkpoint file')
    require_torch()
    find_device(options.device)  # before a file of gigabytes is read
    from ..checkpoints.native import load_model
    from ..models.folding import fold_for_inference
    log.info('reading %s', path)
    with _memory_errors():
        model, metadata = load_model(path)
        model = fold_for_inference(with_iterations(model, options.iterations))
    crop = metadata.crop_size
    network = TorchNetwork(model, options.device, options.precision)
    return network, None if crop is None else (int(crop[0]), int(crop[1]))


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


def network_name(config: 'PanMatchConfig') -> str:
    """
    Name of the preset that a network is one of.

    :returns: the name, 'panmatch' if there is none. Settings that do not change the network's
        size are not compared.
    """
    from ..models.presets import PRESETS
    for name, known in PRESETS.items():
        same = {field: getattr(config, field) for field in _RUN_TIME_FIELDS}
        if dataclasses.replace(known, **same) == config:
            return name
    return 'panmatch'


def require_torch() -> None:
    """
    Check that torch can be imported.

    :raises MissingDependencyError: if not.
    """
    try:
        import torch  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingDependencyError(
            f'the PanMatch network needs PyTorch ({error}): pip install torch, or '
            'pip install torch --index-url https://download.pytorch.org/whl/cpu without a GPU'
        ) from error


def find_device(name: str) -> Any:
    """
    Find the torch device of a name.

    :param name: 'auto', 'cpu' or 'cuda'.
    :raises ConfigError: if there is no such device.
    """
    import torch
    has_cuda = torch.cuda.is_available()
    if name == 'cuda' and not has_cuda:
        raise ConfigError('device cuda: PyTorch finds no CUDA device; use device cpu, or see '
                          '`panmatch doctor`')
    return torch.device('cuda' if name != 'cpu' and has_cuda else 'cpu')


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Say in one line when there is not enough memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is of the first
        first_line = str(error).split('\n', maxsplit=1)[0] or 'out of memory'
        if 'out of memory' in first_line or "can't allocate memory" in first_line:
            raise ImageError(f'not enough memory for the network ({first_line}): use smaller '
                             'images, tiles, or another device') from error
        raise
