"""The PanMatch network as back-ends take it."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
import hashlib
import json
from pathlib import Path
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from ..checkpoints.files import sha256
from ..core.errors import ConfigError
from .backends.base import Runs, to_numpy
from .engine_cache import EngineCache
from .engine_key import EngineKey
from .parity_pair import make_parity_pair
from .transform import StretchTransform

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..models.panmatch import PanMatch

LARGEST_ONNX = 1 << 31  # bytes that a file of this format can have


class PanMatchSource:
    """
    The parts of a PanMatch network.

    :param model: folded, see :func:`~panmatch_ros.models.folding.fold_for_inference`.
    :param weights: file that it was read from.
    :param cache: where exported graphs are kept.
    """

    bundles: Mapping[str, tuple[str, ...]] = {'match': ('encoder', 'match')}

    def __init__(self, model: 'PanMatch', weights: Path, cache: EngineCache) -> None:
        self.model, self.weights, self.cache = model, weights, cache
        self.iterations = model.config.iterations

    def graph(self, part: str, size: tuple[int, int]) -> 'PanMatchGraph':
        """Give a part for images of a size."""
        return PanMatchGraph(self, part, size)

    @cached_property
    def _fingerprint(self) -> tuple[str, str]:
        config = json.dumps(['parts 1', self.model.config.to_dict()], sort_keys=True)
        return hashlib.sha256(config.encode()).hexdigest(), sha256(self.weights)

    def fingerprint(self) -> tuple[str, str]:
        """Give SHA-256 of what is computed, and of the weights."""
        return self._fingerprint

    def try_out(self, programs: Runs, bundle: str,
                size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Match the built-in pair, see :meth:`.backends.base.Network.try_out`."""
        pair, transform = make_parity_pair(size), StretchTransform(size)
        encoded = [programs.run('encoder', size, {'image': transform.forward(image)[None]})
                   for image in (pair.image0, pair.image1)]
        found = programs.run('match', size, {
            'fmap0': encoded[0]['fmap'], 'fmap1': encoded[1]['fmap'],
            'context0': encoded[0]['context']})
        flow = np.ascontiguousarray(to_numpy(found['flow'])[0].transpose(1, 2, 0))
        if 'confidence' not in found:
            return flow, np.ones(size, np.float32)
        return flow, np.ascontiguousarray(to_numpy(found['confidence'])[0, 0])


@dataclass(frozen=True)
class PanMatchGraph:
    """
    One part, see :class:`.backends.base.Graph`.

    :param source: the network.
    :param part: 'encoder' or 'match'.
    :param size: (height, width) of the images, pixels, multiples of 112.
    """

    source: PanMatchSource
    part: str
    size: tuple[int, int]
    dimensions: Mapping[str, int] = field(default_factory=dict)  # all sizes are fixed
    spatial: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names, in the order of the module."""
        from ..models.panmatch_parts import INPUTS
        return INPUTS[self.part]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Likewise."""
        from ..models.panmatch_parts import outputs_of
        return outputs_of(self.source.model.config)[self.part]

    def onnx(self) -> bytes:
        """
        Give the part as ONNX; exporting takes a minute, so the result is kept with the engines.

        :raises ConfigError: if it is too large for the format.
        :raises MissingDependencyError: if onnx or onnxscript is not installed.
        """
        graph, weights = self.source.fingerprint()
        key = EngineKey(graph, weights, self.size, 'fp32', 'onnx', 'any',
                        iterations=self.source.iterations, settings=self.part)
        return self.source.cache.get_or_build(key, self._export, notes={
            'matcher': 'panmatch'}).data

    def module(self) -> 'nn.Module':
        """Make a module that shares the weights of the network."""
        from ..models.panmatch_parts import make_part
        return make_part(self.source.model, self.part, self.size)

    def examples(self) -> 'tuple[Tensor, ...]':
        """Give zeros of the right shapes, in the order of ``inputs``."""
        from ..models.panmatch_parts import example_inputs
        return example_inputs(self.source.model, self.part, self.size)

    def _export(self) -> bytes:
        import torch

        from ..models.export import save_onnx, weight_bytes
        with torch.no_grad():
            program = torch.export.export(self.module(), self.examples(), strict=False)
        if weight_bytes(program) >= LARGEST_ONNX:
            raise ConfigError(f'the part {self.part} of this network has more than 2 GB of '
                              'weights, more than an ONNX file holds; use the backend torch or '
                              'tensorrt')
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / 'part.onnx'
            save_onnx(program, path, self.inputs, self.outputs)
            return path.read_bytes()
