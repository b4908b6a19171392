"""A trained nano network as ONNX graphs that share no weights, for any image size."""
from pathlib import Path
import warnings

import torch

from .nano import Nano
from .nano_folding import FoldedNano
from .nano_modules import NanoPart, example_inputs
from .nano_parts import INPUTS, OUTPUTS, PARTS, graph_path, scale_of

OPSET = 18
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
    return [_write(folded, part, graph_path(folder, part)) for part in PARTS]


def _write(network: FoldedNano, part: str, path: Path) -> Path:
    scales = {name: scale_of(name) for name in (*INPUTS[part], *OUTPUTS[part])}
    axes = {name: {2: f'H{scale}', 3: f'W{scale}'} for name, scale in scales.items() if scale}
    examples = example_inputs(network, part, EXAMPLE_SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that sizes are read while recording: they are traced
        torch.onnx.export(
            NanoPart(network, part), tuple(examples.values()), str(path), dynamo=False,
            opset_version=OPSET, input_names=list(INPUTS[part]),
            output_names=list(OUTPUTS[part]), dynamic_axes=axes)
    return path
