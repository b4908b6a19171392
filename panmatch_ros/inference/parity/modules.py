"""Single modules of the network against the reference, on inputs that depend on names only."""
from collections.abc import Iterator, Mapping
import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import FormatError
from .report import ArrayError, compare
from .vectors import strided
from .whole import final_norm, unknown

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.panmatch import PanMatch

Arrays = Mapping[str, np.ndarray]
Meta = Mapping[str, Any]

TOLERANCES = {'vit': 1e-5, 'cost_memory': 1e-4, 'matcher': 1e-4,
              'cost_maps': 1e-4, 'convex_up': 1e-4}  # by how a name begins
TOLERANCE = 5e-5
BUG = re.compile(r'.*_REFERENCE_BUG')  # documents a bug of the reference, which ours has not
INPUT_NAME = re.compile(r'"([\w.-]+)/[\w.-]+"')
SHAPE = re.compile(r'\((\d+(?:, ?\d+)+)\)')
MAX_VALUES = 1 << 27   # of an input
GUIDE_MULTIPLE = 16    # of the image's size: maps go down to 1/16
VIT_NAME = re.compile(r'vit[sblg]_(\d{2,4})x(\d{2,4})_(hook\d|final|pos)')


class Inputs:
    """
    Inputs of a file's modules.

    :param meta: its notes name the inputs; ``guide_hw`` and ``matcher_hw`` give their sizes.
    :param channels: of feature maps.
    :raises FormatError: if a size is missing or cannot be.
    """

    def __init__(self, meta: Meta, network: 'PanMatch') -> None:
        notes = meta.get('notes')
        self.notes: Mapping[str, str] = notes if isinstance(notes, dict) else {}
        match = INPUT_NAME.search(json.dumps(list(self.notes.values())).replace('\\"', '"'))
        self.split = match[1] if match else 'dev'
        self.guide = _size(meta, 'guide_hw', GUIDE_MULTIPLE)  # of the image, pixels
        self.matcher = _size(meta, 'matcher_hw')              # of the 1/8 grid, cells
        self.channels = network.config.features
        self.embed_dim = network.config.embed_dim
        self.vit_dim = network.config.vit_dim

    def get(self, name: str, *shape: int) -> 'Tensor':
        """Make an input by the part of its name behind the split."""
        import torch

        from ...checkpoints.weightfill import input_tensor
        return torch.from_numpy(input_tensor(f'{self.split}/{name}', shape))

    def matching(self, name: str) -> 'Tensor':
        """Make an input of the matcher: (1, D, h, w)."""
        return self.get(name, 1, self.embed_dim, *self.matcher)

    def pyramid(self) -> list['Tensor']:
        """Make four maps at 1/2, 1/4, 1/8, 1/16."""
        height, width = self.guide
        return [self.get(f'fpn_in{level}', 1, self.channels, height >> level + 1,
                         width >> level + 1) for level in range(4)]


def check_modules(vectors: Arrays, meta: Meta, network: 'PanMatch') -> Iterator[ArrayError]:
    """
    Compute the output of every module in a file again and compare.

    :param vectors: outputs.
    :param meta: of the file.
    :param network: with the weights of the file.
    :returns: an error for every array, and one for the matcher on a batch of two.
    :raises FormatError: if the meta data lacks a size.
    """
    inputs = Inputs(meta, network)
    remaining = {name for name in vectors if not BUG.fullmatch(name)}
    for part in (_image_modules, _cost_modules, _matcher_modules, _backbone):
        for name, ours in part(network, inputs, remaining):
            if name in remaining:
                remaining.discard(name)
                yield _compare(name, ours, vectors, meta)
    if 'matcher_b_final' in vectors:
        ours = _match_batch(network, inputs)
        yield _compare('matcher_b_final', ours, vectors, meta, 'matcher_b_final (in a batch)')
    yield from unknown(remaining)


Outputs = Iterator[tuple[str, 'Tensor']]


def _image_modules(network: 'PanMatch', inputs: Inputs, wanted: set[str]) -> Outputs:
    height, width = inputs.guide
    for index, upsample in enumerate(network.guided_upsampling):
        name = f'guided_up_{index}'
        if name in wanted:
            low, guide = _shapes(inputs, name)
            yield name, upsample(inputs.get(f'gu_low{index}', *low),
                                 inputs.get(f'gu_guide{index}', *guide))
    for index, x in enumerate(network.guide_net(inputs.get('guide_img', 1, 3, height, width))):
        yield f'guidenet_{index}', x
    maps = inputs.pyramid()
    for index, x in enumerate(reversed(network.feature_pyramid(maps))):
        yield f'fpn_{index}', x
    for index, (x, head) in enumerate(zip(maps, network.matching.heads, strict=True)):
        yield f'corr_proj_{index}', head(x)
    yield 'feature_embedding', network.matching.adapter(maps)
    yield 'context_embedding', network.context.adapter(maps)
    yield 'linear_0', network.compression[0](
        inputs.get('lin_in', 1, inputs.vit_dim, height // 14, width // 14))


def _cost_modules(network: 'PanMatch', inputs: Inputs, wanted: set[str]) -> Outputs:
    from ...models.cost_lookup import convex_upsample, cost_window
    from ...models.layers import position_encoding
    height, width = inputs.matcher
    encoder, cells = network.cost_encoder, height * width
    volume = network.correlate(0.3 * inputs.matching('fmap1'), 0.3 * inputs.matching('fmap2'))
    costs = volume.reshape(cells, height, width)
    yield 'cost_maps', costs[:, None]
    yield 'cost_patch_embed', encoder.tokenizer(costs)
    yield 'cost_latents_after_input_layer', encoder.latents(costs)
    context = inputs.matching('ctx')
    yield 'cost_memory', encoder(volume, context)
    pi = encoder.tokenizer.pi
    for channels in (64, 192):
        yield f'linear_pe_{channels}', position_encoding(30 * inputs.get('pe_xy', 5, 7, 2),
                                                         channels, pi)
    maps = inputs.get('cm', cells, 1, height, width).reshape(1, cells, cells)
    coords = 6 * inputs.get('cc', 1, 2, height, width) + 8
    yield 'cost_window', cost_window(maps, coords, network.config.reference_quirks)
    yield 'convex_up', convex_upsample(8 * 3 * inputs.get('cfl', 1, 2, height, width),
                                       inputs.get('cmask', 1, 576, height, width))
    hidden = network.config.hidden_dim
    yield 'gma_attention', network.decoder.motion_attention(context[:, :hidden].relu())[:, None]


def _matcher_modules(network: 'PanMatch', inputs: Inputs, wanted: set[str]) -> Outputs:
    import torch
    fmap0, fmap1 = 0.3 * inputs.matching('fmap1'), 0.3 * inputs.matching('fmap2')
    context, volume = inputs.matching('ctx'), network.correlate(fmap0, fmap1)
    memory = network.cost_encoder(volume, context)
    flows = [each.flow for each in
             network.decoder.predictions(volume, memory, context, every=True)]
    yield 'matcher_flow_iters', torch.stack(flows)
    yield 'matcher_flow_final', flows[-1]
    height, width = inputs.matcher
    flow_init = 4 * inputs.get('flow_init', 1, 2, 8 * height, 8 * width)
    yield 'matcher_flow_init_final', network.decoder(volume, memory, context, flow_init).flow
    volume = network.correlate(0.3 * inputs.matching('fmap1b'), 0.3 * inputs.matching('fmap2b'))
    yield 'matcher_b_final', network.match(volume, inputs.matching('ctxb')).flow


def _match_batch(network: 'PanMatch', inputs: Inputs) -> 'Tensor':
    """Flow of the second sample when both are one batch."""
    import torch
    maps = [torch.cat([scale * inputs.matching(name), scale * inputs.matching(f'{name}b')])
            for name, scale in (('fmap1', 0.3), ('fmap2', 0.3), ('ctx', 1.0))]
    return network.match(network.correlate(maps[0], maps[1]), maps[2]).flow[1:]


def _backbone(network: 'PanMatch', inputs: Inputs, wanted: set[str]) -> Outputs:
    sizes = sorted({(match[0].rpartition('_')[0], int(match[1]), int(match[2]))
                    for match in map(VIT_NAME.fullmatch, wanted) if match})
    for name, height, width in sizes:
        backbone = network.backbone
        image = inputs.get(f'vit_{height}x{width}', 1, 3, height, width)
        for index, x in enumerate(backbone(image)):
            yield f'{name}_hook{index}', x
        yield f'{name}_final', final_norm(backbone, image)
        yield f'{name}_pos', backbone.positions(height // 14, width // 14)


def _compare(name: str, ours: 'Tensor', vectors: Arrays, meta: Meta,
             title: str = '') -> ArrayError:
    tolerance = next((value for start, value in TOLERANCES.items() if name.startswith(start)),
                     TOLERANCE)
    return compare(title or name, strided(ours.numpy(), meta, name), vectors[name], tolerance)


def _shapes(inputs: Inputs, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read the shapes of both inputs of guided upsampling from a note."""
    note = inputs.notes.get(name)
    shapes = [tuple(int(each) for each in text.split(','))
              for text in (SHAPE.findall(note) if isinstance(note, str) else [])]
    if len(shapes) != 2 or not all(
            len(shape) == 4 and shape[:2] == (1, inputs.channels)
            and 0 < math.prod(shape) <= MAX_VALUES for shape in shapes):
        raise FormatError(f'the note of {name} must name two shapes (1, {inputs.channels}, '
                          f'height, width), found {note!r:.80}')
    return shapes[0], shapes[1]


def _size(meta: Meta, name: str, multiple: int = 1) -> tuple[int, int]:
    size = meta.get(name)
    if not (isinstance(size, list) and len(size) == 2
            and all(isinstance(each, int) and 0 < each < 1 << 14 and each % multiple == 0
                    for each in size)):
        what = f', multiples of {multiple}' if multiple > 1 else ''
        raise FormatError(f'{name} must be [height, width]{what}, found {size!r:.80}')
    return size[0], size[1]
