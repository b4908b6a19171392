"""
Names of the official tensors and of ours, one to one.

An official name is the key in the PanMatch checkpoint without ``module.``, or ``dinov2.`` and the
key in the DINOv2 file. Shapes are the same on both sides; nothing is permuted.

A rule is a pair of templates, official and own: ``#`` stands for a number, which both sides share.
"""
from functools import cache
import re

from ..core.errors import FormatError

DINOV2 = 'dinov2.'
_OWN_DINOV2 = 'backbone.'
_LEAF = r'\.(?:weight|bias|running_mean|running_var|num_batches_tracked)'
_NAME = re.compile(r'\w+(?:\.\w+)*')

Rules = dict[str, str]


def _under(official: str, own: str, inner: Rules) -> Rules:
    """Put rules under a prefix on both sides."""
    return {f'{official}.{left}': f'{own}.{right}' for left, right in inner.items()}


def _same(*names: str) -> Rules:
    return {name: name for name in names}


# Names that end with '!' are a parameter themselves; all others are modules with weight and bias.
_CONVNEXT = {'gamma!': 'gamma!', 'dwconv': 'depthwise', 'norm': 'norm', 'pwconv1': 'expand',
             'pwconv2': 'reduce'}
_GUIDED = {'q_proj': 'query', 'k_proj': 'key', 'v_proj': 'value', 'merge': 'merge',
           'norm1': 'norm'}
_ADAPTER = {'proj1': 'projections.0', 'proj2': 'projections.1', 'proj3': 'projections.2',
            'proj4.1': 'projections.3', 'norm_': 'norm', 'merge': 'merge'}
_QKV = {'q': 'query', 'k': 'key', 'v': 'value', 'proj': 'projection'}
_LATENT_BLOCK = {**_QKV, **_same('norm1', 'norm2'), 'ffn.0': 'ffn.0', 'ffn.3': 'ffn.2'}
_SPATIAL_BLOCK = {**_same('norm1', 'norm2'), 'mlp.fc1': 'mlp.0', 'mlp.fc2': 'mlp.2'}
_LOCAL_BLOCK = {**_SPATIAL_BLOCK,
                **_under('attn', 'attention', {**_QKV, 'context_proj': 'context'})}
_GLOBAL_BLOCK = {**_LOCAL_BLOCK, **_under('attn', 'attention', {
    'sr_key': 'reduce_key', 'sr_value': 'reduce_value', 'norm': 'norm'})}

_GUIDE_NET = {
    'firstconv.0': 'stem.conv', 'firstconv.1': 'stem.norm',
    **_under('stages.0.0', 'stages.0.blocks.0', _CONVNEXT),
    **_under('stages.0.1', 'stages.0.blocks.1', _CONVNEXT)}
for _stage in ('stages.1', 'stages.2', 'stages.3'):  # entry 0 of these is the downsampling
    _GUIDE_NET |= {f'{_stage}.0.0': f'{_stage}.downsample.norm',
                   f'{_stage}.0.1': f'{_stage}.downsample.conv',
                   **_under(f'{_stage}.1', f'{_stage}.blocks.0', _CONVNEXT),
                   **_under(f'{_stage}.2', f'{_stage}.blocks.1', _CONVNEXT)}

_PYRAMID = {
    **_under('deepconv', 'top', _CONVNEXT),
    **_under('fuseconv.#', 'levels.#', {
        'conv_ups': 'upsample', 'conv_cat.0': 'fuse', 'conv_cat.1': 'norm',
        **_under('conv_out', 'refine', _CONVNEXT)})}

_HEAD = {**_under('0', 'block', _CONVNEXT), '1': 'projection'}

_EXTRACTOR = {
    'linear.#.0': 'compression.#.projection', 'linear.#.1': 'compression.#.norm',
    **_under('cnn_encoder', 'guide_net', _GUIDE_NET),
    **_under('resize.#', 'guided_upsampling.#', _GUIDED),
    **_under('cnn_decoder', 'feature_pyramid', _PYRAMID),
    **_under('corr_proj.#', 'matching.heads.#', _HEAD),
    **_under('feat_proj.#', 'context.heads.#', _HEAD)}

_COST_ENCODER = {
    'latent_tokens!': 'latent_tokens!',
    'patch_embed.proj.0': 'tokenizer.patches', 'patch_embed.proj.1': 'tokenizer.batch_norm',
    'patch_embed.ffn_with_coord.0': 'tokenizer.ffn.0',
    'patch_embed.ffn_with_coord.2': 'tokenizer.ffn.2', 'patch_embed.norm': 'tokenizer.norm',
    **_under('input_layer', 'input_attention', _LATENT_BLOCK),
    **_under('encoder_layers.#', 'latent_attention.#', _LATENT_BLOCK),
    **_under('vertical_encoder_layers.#.local_block', 'spatial_attention.#.local_block',
             _LOCAL_BLOCK),
    **_under('vertical_encoder_layers.#.global_block', 'spatial_attention.#.global_block',
             _GLOBAL_BLOCK)}

_DECODER = {
    'proj': 'context_projection', 'att.to_qk': 'motion_attention.query_key',
    'flow_token_encoder.0': 'query_encoder.0', 'flow_token_encoder.2': 'query_encoder.2',
    **_under('decoder_layer.cross_attend', 'cross_attention', _LATENT_BLOCK),
    **_under('update_block.encoder', 'motion_encoder',
             _same('convc1', 'convc2', 'convf1', 'convf2', 'conv')),
    'update_block.aggregator.gamma!': 'aggregator.gamma!',
    'update_block.aggregator.to_v': 'aggregator.value',
    **_under('update_block.gru', 'gru',
             _same('convz1', 'convr1', 'convq1', 'convz2', 'convr2', 'convq2')),
    **_under('update_block.flow_head', 'flow_head', _same('conv1', 'conv2')),
    'update_block.mask.0': 'mask_head.0', 'update_block.mask.2': 'mask_head.2',
    'info_conv.0': 'confidence_head.0', 'info_conv.2': 'confidence_head.2'}

RULES: Rules = {
    **{f'backbone.encoder.{left}': right for left, right in _EXTRACTOR.items()},
    **_under('backbone.feature_embedding', 'matching.adapter', _ADAPTER),
    **_under('backbone.context_embedding', 'context.adapter', _ADAPTER),
    **_under('backbone.decoder.memory_encoder.cost_perceiver_encoder', 'cost_encoder',
             _COST_ENCODER),
    **_under('backbone.decoder.memory_decoder', 'decoder', _DECODER)}


def own_key(official: str) -> str:
    """
    Name of a tensor in our network.

    :param official: official name, see the module.
    :raises FormatError: if no official tensor has that name.
    """
    if official.startswith(DINOV2):
        return _OWN_DINOV2 + _checked(official, official.removeprefix(DINOV2))
    renamed = _rename(official, _compiled(to_own=True))
    if renamed is None:
        raise FormatError(f'{official!r} is not the name of an official PanMatch tensor')
    return renamed


def official_key(own: str) -> str:
    """
    Official name of a tensor of our network; the inverse of :func:`own_key`.

    :raises FormatError: if our network has no tensor of that name.
    """
    if own.startswith(_OWN_DINOV2):
        return DINOV2 + _checked(own, own.removeprefix(_OWN_DINOV2))
    renamed = _rename(own, _compiled(to_own=False))
    if renamed is None:
        raise FormatError(f'{own!r} is not the name of a tensor of the PanMatch network')
    return renamed


def _checked(whole: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FormatError(f'{whole!r} is not the name of a DINOv2 tensor')
    return name


def _rename(key: str, rules: list[tuple[re.Pattern[str], list[str]]]) -> str | None:
    for pattern, pieces in rules:
        match = pattern.fullmatch(key)
        if match:
            *numbers, leaf = match.groups()
            return ''.join(piece + number for piece, number in
                           zip(pieces, [*numbers, leaf], strict=True))
    return None


@cache
def _compiled(to_own: bool) -> list[tuple[re.Pattern[str], list[str]]]:
    """Patterns of one side, and the pieces of the other between the numbers."""
    pairs = RULES.items() if to_own else [(right, left) for left, right in RULES.items()]
    return [(_pattern(source), target.rstrip('!').split('#')) for source, target in pairs]


def _pattern(template: str) -> re.Pattern[str]:
    leaf = '' if template.endswith('!') else _LEAF
    name = re.escape(template.rstrip('!')).replace(re.escape('#'), '(0|[1-9][0-9]*)')
    return re.compile(f'{name}({leaf})', re.ASCII)
