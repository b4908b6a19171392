"""The whole network against the reference, stage by stage and through the matcher."""
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import FormatError
from ..panmatch import PanMatchMatcher, PanMatchOptions
from ..panmatch_torch import TorchNetwork
from ..transform import StretchTransform
from .report import ArrayError, compare
from .vectors import strided

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.dinov2 import DinoV2
    from ...models.panmatch import Features, PanMatch

Arrays = Mapping[str, np.ndarray]
Meta = Mapping[str, Any]

TOLERANCES = {'vit': 1e-5, 'cost_memory': 1e-4, 'flow': 1e-4, 'first_tile_flow': 1e-4}  # by start
FEATURE_TOLERANCE = 5e-5
CORNER_PX, CORNER_TOLERANCE = 8, 5e-3  # the reference's weights are denormal in tile corners


def check_whole(vectors: Arrays, meta: Meta, network: 'PanMatch') -> Iterator[ArrayError]:
    """
    Compute every array of a whole run again and compare.

    The stages are those of the network as it is trained, the final ``flow`` is that of the
    matcher a user calls, whose network is folded.

    :param vectors: ``im0``, ``im1`` and results.
    :param meta: of the file.
    :param network: with the weights of the file.
    :returns: an error for every result in the file.
    :raises FormatError: if an image is missing.
    """
    image0, image1 = _images(vectors)
    remaining = set(vectors) - {'im0', 'im1'}
    for name, ours in _stages(network, image0, image1):
        if name in remaining:
            remaining.discard(name)
            yield _compare(name, ours, vectors, meta)
    if 'flow' in remaining:
        remaining.discard('flow')
        flow = match_with_quirks(network, image0, image1, tiles='never')
        yield _compare('flow', flow, vectors, meta)
    yield from unknown(remaining)


def check_tiled(vectors: Arrays, meta: Meta, network: 'PanMatch') -> Iterator[ArrayError]:
    """
    Compute a tiled run again and compare; parameters as of :func:`check_whole`.

    :raises FormatError: if an image or the size of the tiles is missing.
    """
    image0, image1 = _images(vectors)
    tile = meta.get('tile')
    if not (isinstance(tile, list) and len(tile) == 2
            and all(isinstance(each, int) and each > 0 for each in tile)):
        raise FormatError(f'tile must be [height, width], found {tile!r:.80}')
    remaining = set(vectors) - {'im0', 'im1'}
    if 'first_tile_flow_prerestore' in remaining:
        remaining.discard('first_tile_flow_prerestore')
        parts = [image[:tile[0], :tile[1]] for image in (image0, image1)]
        transform = StretchTransform((len(parts[0]), parts[0].shape[1]),
                                     reference_quirks=True, is_tile=True)
        flow = network(*(_tensor(transform.forward(part)) for part in parts)).flow
        yield _compare('first_tile_flow_prerestore', flow, vectors, meta)
    if 'flow' in remaining:
        remaining.discard('flow')
        flow = match_with_quirks(network, image0, image1, tiles='always',
                                 tile_size=(tile[0], tile[1]))
        yield from _compare_tiled(flow, vectors['flow'])
    yield from unknown(remaining)


def match_with_quirks(network: 'PanMatch', image0: np.ndarray, image1: np.ndarray,
                      **options: Any) -> np.ndarray:
    """(1, 2, H, W) flow of the matcher that does as the reference code does."""
    from ...models.folding import fold_for_inference
    matcher = PanMatchMatcher(
        TorchNetwork(fold_for_inference(network), 'cpu', 'fp32'),
        PanMatchOptions(bidirectional=False, reference_quirks=True, device='cpu', **options))
    return matcher.match(image0, image1).flow.transpose(2, 0, 1)[None]


def unknown(names: set[str]) -> Iterator[ArrayError]:
    """Fail for results that nothing was compared with, rather than pass over them."""
    for name in sorted(names):
        yield ArrayError(name, float('inf'), 0.0, 'unknown array')


def _stages(network: 'PanMatch', image0: np.ndarray,
            image1: np.ndarray) -> Iterator[tuple[str, 'Tensor']]:
    """Yield the name and the value of every stage in the order of computing."""
    import torch
    transform = StretchTransform(image0.shape[:2], reference_quirks=True)
    features: list[Features] = []
    for view, image in enumerate((image0, image1)):
        tensor = _tensor(transform.forward(image))
        yield f'vit{view}_in', tensor
        features.append((yield from _view_stages(network, view, tensor)))
    pyramid = features[0].pyramid
    for index, head in enumerate(network.context.heads):
        yield f'ctx{index}', head(pyramid[index])
    context = network.context_of(features[0])
    yield 'context', context
    volume = network.correlate(features[0].fmap, features[1].fmap)
    memory = network.cost_encoder(volume, context)
    yield 'cost_memory', memory
    flows = [each.flow for each in
             network.decoder.predictions(volume, memory, context, every=True)]
    yield 'flow_iters_strided', torch.stack(flows)
    yield 'flow_last_fullres_prerestore', flows[-1]


def _view_stages(network: 'PanMatch', view: int, image: 'Tensor',
                 ) -> 'Generator[tuple[str, Tensor], None, Features]':
    from ...models.panmatch import Features
    hooks = network.backbone(image)
    for index, x in enumerate(hooks):
        yield f'vit{view}_hook{index}', x
    yield f'vit{view}_finalnorm', final_norm(network.backbone, image)
    low = [compress(x) for compress, x in zip(network.compression, hooks, strict=True)]
    guides = network.guide_net(image)
    upsampled = [upsample(x, guide) for upsample, x, guide in
                 zip(network.guided_upsampling, low, guides, strict=True)]
    for index in range(len(low)):
        yield f'linear{index}_v{view}', low[index]
        yield f'guide_v{view}_{index}', guides[index]
        yield f'up{index}_v{view}', upsampled[index]
    pyramid = network.feature_pyramid(upsampled)
    for index, (x, head) in enumerate(zip(pyramid, network.matching.heads, strict=True)):
        yield f'fpn_v{view}_{len(pyramid) - 1 - index}', x  # coarse to fine in the file
        yield f'corr{index}_v{view}', head(x)
    result = Features(pyramid, network.matching(pyramid))
    yield f'fmap_v{view}', result.fmap
    return result


def final_norm(backbone: 'DinoV2', image: 'Tensor') -> 'Tensor':
    """(B, C, h, w): normalised patches of the last block, which PanMatch does not use."""
    size = backbone.patch_embed(image).shape[2:]
    x = backbone.tokens(image)
    for block in backbone.blocks:
        x = block(x)
    patches = backbone.norm(x)[:, 1 + backbone.registers:]
    return patches.transpose(1, 2).unflatten(2, tuple(size))


def _compare_tiled(ours: np.ndarray, theirs: np.ndarray) -> Iterator[ArrayError]:
    """Compare the corners, whose weights the reference cannot hold, and the rest."""
    corners = np.zeros(theirs.shape[2:], bool)
    for rows in (slice(None, CORNER_PX), slice(-CORNER_PX, None)):
        for columns in (slice(None, CORNER_PX), slice(-CORNER_PX, None)):
            corners[rows, columns] = True
    if ours.shape != theirs.shape:
        yield compare('flow', ours, theirs, TOLERANCES['flow'])
        return
    yield compare('flow', np.where(corners, 0, ours), np.where(corners, 0, theirs),
                  TOLERANCES['flow'])
    yield compare('flow (corners)', np.where(corners, ours, 0), np.where(corners, theirs, 0),
                  CORNER_TOLERANCE)


def _compare(name: str, ours: 'Tensor | np.ndarray', vectors: Arrays, meta: Meta) -> ArrayError:
    tolerance = next((value for start, value in TOLERANCES.items() if name.startswith(start)),
                     FEATURE_TOLERANCE)
    array = ours if isinstance(ours, np.ndarray) else ours.numpy()
    return compare(name, strided(array, meta, name), vectors[name], tolerance)


def _images(vectors: Arrays) -> tuple[np.ndarray, np.ndarray]:
    for name in ('im0', 'im1'):
        image = vectors.get(name)
        if image is None or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise FormatError(f'expected an image {name} of (H, W, 3) uint8, found '
                              f'{"none" if image is None else f"{image.dtype} {image.shape}"}')
    return vectors['im0'], vectors['im1']


def _tensor(image: np.ndarray) -> 'Tensor':
    import torch
    return torch.from_numpy(image)[None]
