"""A trained nano network as ONNX graphs that share no weights, for any image size."""
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
import warnings

import torch
from torch import Tensor, nn

from .nano import Nano
from .nano_encoder import NanoFeatures
from .nano_folding import FoldedNano
from .nano_parts import SCALES, START, graph_path

OPSET = 18
FLOW_NEEDS = ('eighth', 'sixteenth', 'tokens'), ('eighth', 'tokens')  # of image 0, of image 1
STEREO_NEEDS = ('quarter', 'eighth')
REFINE_NEEDS = ('half', 'quarter')
EXAMPLE_SIZE = (128, 192)  # (height, width); the graphs take any


def export_nano(model: Nano, folder: Path) -> list[Path]:
    """
    Write a network as four graphs, operator set 18.

    - ``encoder``: ``image`` (1, 3, H, W) to the features ``half``, ``quarter``, ``eighth``,
      ``sixteenth`` and ``tokens``.
    - ``flow``: features of both images, ``flow_init`` (1, 2, H / 16, W / 16) and
      ``init_weight`` (1, 1, H / 16, W / 16) to ``flow4``, ``state4`` and ``certainty4``.
    - ``stereo``: features of both images to the same.
    - ``refine``: features, the first two and ``horizontal`` (1, 2, 1, 1) to ``flow``
      (1, 2, H, W) in pixels and ``confidence`` (1, 1, H, W) in [0, 1].

    Features of image 0 and 1 end in that digit. Dynamic sizes are named ``H2`` for H / 2 and
    so on: an engine that is told them plans a static graph. The updates are unrolled.

    :param model: a trained network, its ``iterations`` those that are wanted; left as it is.
    :param folder: where the files go; must exist.
    :returns: the files, in the order of ``nano_parts.PARTS``.
    """
    folded = FoldedNano(model)
    writer = _Writer(folder, folded)
    with torch.no_grad():
        image = torch.rand(1, 3, *EXAMPLE_SIZE)
        features0, features1 = (folded.encoder(x) for x in (image, image.roll(3, -1)))
        writer.write('encoder', folded.encoder, {'image': (image, 1)}, SCALES)
        start = _write_starts(writer, folded, features0, features1)
        _write_refine(writer, folded, features0, features1, start)
    return writer.paths


def _write_starts(writer: '_Writer', folded: FoldedNano, features0: NanoFeatures,
                  features1: NanoFeatures) -> dict[str, tuple[Tensor, int]]:
    """Write both first estimates, and give what they give."""
    flow_init = torch.zeros_like(features0.tokens[:, :2])
    init = {'flow_init': (flow_init, 16), 'init_weight': (flow_init[:, :1], 16)}
    outputs = dict.fromkeys(START, 4)

    writer.write_matching('flow', folded.start_flow, (features0, FLOW_NEEDS[0]),
                          (features1, FLOW_NEEDS[1]), init, outputs)
    writer.write_matching('stereo', folded.start_stereo, (features0, STEREO_NEEDS),
                          (features1, STEREO_NEEDS), {}, outputs)
    found = folded.start_flow(features0, features1, flow_init, flow_init[:, :1])
    return {name: (value, 4) for name, value in zip(START[:2], found[:2], strict=True)}


def _write_refine(writer: '_Writer', folded: FoldedNano, features0: NanoFeatures,
                  features1: NanoFeatures, start: dict[str, tuple[Tensor, int]]) -> None:
    writer.write_matching('refine', folded.refine, (features0, REFINE_NEEDS),
                          (features1, REFINE_NEEDS),
                          {**start, 'horizontal': (torch.ones(1, 2, 1, 1), 0)},
                          {'flow': 1, 'confidence': 1})


class _Writer:
    """
    Writes one graph after another.

    :param folder: of the files.
    :param network: whose weights the graphs hold.
    """

    def __init__(self, folder: Path, network: nn.Module) -> None:
        self.folder, self.network = folder, network
        self.paths: list[Path] = []

    def write(self, part: str, function: Callable[..., tuple[Tensor, ...]],
              inputs: Mapping[str, tuple[Tensor, int]], outputs: Mapping[str, int]) -> None:
        """
        Record a function.

        :param inputs: examples, and the scale whose sizes they have; 0 for a fixed size.
        :param outputs: names, and the scales whose sizes they have.
        """
        scales = {name: scale for name, (_, scale) in inputs.items()} | dict(outputs)
        axes = {name: {2: f'H{scale}', 3: f'W{scale}'} for name, scale in scales.items() if scale}
        path = graph_path(self.folder, part)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # that sizes are read while recording: they are traced
            torch.onnx.export(
                _Function(self.network, function),
                tuple(value for value, _ in inputs.values()), str(path),
                dynamo=False, opset_version=OPSET, input_names=list(inputs),
                output_names=list(outputs), dynamic_axes=axes)
        self.paths.append(path)

    def write_matching(self, part: str, function: Callable[..., tuple[Tensor, ...]],
                       first: tuple[NanoFeatures, Iterable[str]],
                       second: tuple[NanoFeatures, Iterable[str]],
                       others: Mapping[str, tuple[Tensor, int]],
                       outputs: Mapping[str, int]) -> None:
        """
        Record a function of the features of both images, and of other arrays.

        :param first: examples of features of image 0, and the names of those that it uses.
        :param second: likewise of image 1.
        """
        named0, named1 = _named(*first, 0), _named(*second, 1)
        count0, count = len(named0), len(named0) + len(named1)

        def of_arrays(*inputs: Tensor) -> tuple[Tensor, ...]:
            return function(_features(named0, inputs[:count0]),
                            _features(named1, inputs[count0:count]), *inputs[count:])

        self.write(part, of_arrays, {**named0, **named1, **others}, outputs)


class _Function(nn.Module):
    """
    A function as the exporter wants it.

    :param network: whose weights it uses; others would be stored each time they are used.
    :param function: what to record.
    """

    def __init__(self, network: nn.Module, function: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.network, self.function = network, function

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Call the function."""
        return tuple(self.function(*inputs))


def _named(features: NanoFeatures, names: Iterable[str],
           image: int) -> dict[str, tuple[Tensor, int]]:
    return {f'{name}{image}': (getattr(features, name), SCALES[name]) for name in names}


def _features(names: Iterable[str], values: Iterable[Tensor]) -> NanoFeatures:
    """Features of which a part is needed; the names end in the digit of the image."""
    known = {name[:-1]: value for name, value in zip(names, values, strict=True)}
    nothing = torch.empty(0)
    return NanoFeatures(**{name: known.get(name, nothing) for name in NanoFeatures._fields})
