"""The nano network as back-ends take it: ONNX files, or modules made of its weights."""
from collections.abc import Mapping
import copy
from dataclasses import dataclass
from functools import cached_property
import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from ..checkpoints.nano_graphs import WEIGHTS, NanoGraphs
from ..core.errors import FormatError
from ..models.nano_parts import INPUTS, OUTPUTS, SCALES, scale_of
from .backends.base import Runs
from .nano_layout import NanoLayout
from .parity_pair import make_parity_pair

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..models.nano_folding import FoldedNano

ALL_SCALES = (1, *sorted(set(SCALES.values())))


class NanoSource:
    """
    The parts of a nano network.

    :param graphs: the folder that it is in.
    """

    bundles: Mapping[str, tuple[str, ...]] = {
        'flow': ('encoder', 'flow', 'refine'), 'stereo': ('encoder', 'stereo', 'refine')}
    iterations = 0  # they are part of the graphs

    def __init__(self, graphs: NanoGraphs) -> None:
        self.graphs = graphs

    @property
    def disparity_levels(self) -> int:
        """Number of disparities of the stereo volume, steps of 8 pixels."""
        return self.graphs.disparity_levels

    def graph(self, part: str, size: tuple[int, int]) -> 'NanoGraph':
        """Give a part for images of a size."""
        return NanoGraph(self, part, size)

    def fingerprint(self) -> tuple[str, str]:
        """Give SHA-256 of what is computed, and of the weights, as the manifest tells them."""
        files = self.graphs.manifest['files']
        digests = {name: files[name].get('sha256') for name in sorted(files)}
        return _digest([self.graphs.manifest['network'], digests]), _digest(digests.get(WEIGHTS))

    def try_out(self, programs: Runs, bundle: str,
                size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Match the built-in pair, see :meth:`.backends.base.Network.try_out`."""
        from .nano_network import NanoNetwork
        network = NanoNetwork(programs, self.disparity_levels)
        pair, layout = make_parity_pair(size, bundle), NanoLayout(size, size)
        view0, view1 = (network.encode(layout, image, False)
                        for image in (pair.image0, pair.image1))
        field = (network.flow if bundle == 'flow' else network.disparity)(view0, view1)
        return (np.ascontiguousarray(field.flow[0].transpose(1, 2, 0)),
                np.ascontiguousarray(field.confidence[0, 0]))

    @cached_property
    def network(self) -> 'FoldedNano':
        """
        The network in PyTorch.

        :raises FormatError: if there are no weights to make it of, or they are damaged.
        """
        from ..checkpoints.nano_weights import load_nano
        from ..models.nano_folding import FoldedNano
        path = self.graphs.folder / WEIGHTS
        if not path.is_file():
            raise FormatError(f'{path} is missing: the ONNX graphs alone cannot be computed with '
                              'PyTorch; use the backend onnxruntime, or export the network again')
        model, _ = load_nano(path)
        model.iterations = tuple(self.graphs.manifest['network']['iterations'])
        return FoldedNano(model)


@dataclass(frozen=True)
class NanoGraph:
    """
    One part, see :class:`.backends.base.Graph`.

    :param source: the network.
    :param part: one of ``PARTS``.
    :param size: (height, width) of the images, pixels.
    """

    source: NanoSource
    part: str
    size: tuple[int, int]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names, in the order of the module."""
        return INPUTS[self.part]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Likewise."""
        return OUTPUTS[self.part]

    @property
    def dimensions(self) -> dict[str, int]:
        """Lengths of the named dimensions of the ONNX form."""
        return {f'{axis}{scale}': length // scale for scale in ALL_SCALES
                for axis, length in zip('HW', self.size, strict=True)}

    @property
    def spatial(self) -> dict[str, tuple[int, int]]:
        """(height, width) of the inputs whose size the ONNX form leaves open."""
        height, width = self.size
        return {name: (height // scale_of(name), width // scale_of(name))
                for name in self.inputs if scale_of(name)}

    def onnx(self) -> bytes:
        """
        Read the graph.

        :raises FormatError: if it is missing or damaged.
        """
        return self.source.graphs.read(self.part)

    def module(self) -> 'nn.Module':
        """Make a module of the weights, with a copy of them: they may be moved elsewhere."""
        from ..models.nano_modules import NanoPart
        return NanoPart(copy.deepcopy(self.source.network), self.part)

    def examples(self) -> 'tuple[Tensor, ...]':
        """Compute inputs of the right shapes, in the order of ``inputs``."""
        from ..models.nano_modules import example_inputs
        return tuple(example_inputs(self.source.network, self.part, self.size).values())


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
