"""A trained network as one graph of fixed size, for compilers and other run-times."""
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from ..core.errors import MissingDependencyError
from .folding import fold_for_inference
from .panmatch import PanMatch

OPSET = 18  # TensorRT computes some operators of later ones wrongly
INPUTS = ('image0', 'image1')
OUTPUTS = ('flow', 'confidence')


class PairMatcher(nn.Module):
    """
    The whole network for one pair of images, with plain tensors as results.

    :param network: what computes.
    """

    def __init__(self, network: PanMatch) -> None:
        super().__init__()
        self.network = network

    def forward(self, image0: Tensor, image1: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) twice to (B, 2, H, W) and, if the network has it, (B, 1, H, W)."""
        return tuple(x for x in self.network(image0, image1) if x is not None)


def export_program(model: PanMatch, height: int, width: int,
                   batch: int = 1) -> torch.export.ExportedProgram:
    """
    Record the network as a graph.

    It is folded first, and the position table of the backbone is stored for this size: engines
    have no antialiased bicubic resize. The graph has no control flow and no dynamic shape.

    :param model: a trained network, not folded; it is left as it is.
    :param height: of the images, pixels, a multiple of 112.
    :param width: likewise.
    :param batch: number of pairs.
    :returns: a program of :class:`PairMatcher`: image0, image1 to flow (and confidence).
    """
    network = fold_for_inference(model)
    network.backbone.bake_positions(height, width)
    weight = network.backbone.cls_token
    images = [torch.zeros(batch, 3, height, width, dtype=weight.dtype, device=weight.device)
              for _ in INPUTS]
    with torch.no_grad():
        return torch.export.export(PairMatcher(network), tuple(images), strict=False)


def decompose(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """Reduce a program to core operators; attention stays one, as engines have it."""
    table = torch.export.default_decompositions()
    table.pop(torch.ops.aten.scaled_dot_product_attention.default, None)
    return program.run_decompositions(table)


def save_onnx(program: torch.export.ExportedProgram, path: Path,
              inputs: Sequence[str] = INPUTS, outputs: Sequence[str] = OUTPUTS) -> None:
    """
    Write a program as ONNX, operator set 18.

    :param program: of :func:`export_program`.
    :param path: file to write; weights of more than 2 GB go into a second file beside it.
    :param inputs: names of what goes in.
    :param outputs: names of what comes out; further names than results are left away.
    :raises MissingDependencyError: if onnx or onnxscript is not installed.
    """
    if not all(find_spec(name) for name in ('onnx', 'onnxscript')):
        raise MissingDependencyError('to write ONNX, install its packages: '
                                     'pip install onnx onnxscript')
    count = len(program.graph_signature.user_outputs)
    torch.onnx.export(program, (), path, dynamo=True, opset_version=OPSET, verbose=False,
                      external_data=weight_bytes(program) >= 1 << 31,
                      input_names=list(inputs), output_names=list(outputs)[:count])


def weight_bytes(program: torch.export.ExportedProgram) -> int:
    """Size of the weights of a program, bytes."""
    tensors = (*program.state_dict.values(), *program.constants.values())
    return sum(x.numel() * x.element_size() for x in tensors if isinstance(x, Tensor))
