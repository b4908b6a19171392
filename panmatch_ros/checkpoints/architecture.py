"""Tell from the shapes in the official files which network they belong to."""
from collections.abc import Mapping, Sequence
import math
import re
from typing import Any

from ..core.errors import FormatError
from ..models.config import PanMatchConfig
from ..models.presets import PRESETS, preset
from .manifest import Spec, check_tensors, official_tensors
from .official import DINOV2, PANMATCH, OfficialFile

_BLOCK = re.compile(r'blocks\.(\d{1,4})\.', re.ASCII)
_INFO_CONV = 'backbone.decoder.memory_decoder.info_conv.'


def config_of(panmatch: OfficialFile, dinov2: OfficialFile,
              hooks: Sequence[int] | None = None) -> PanMatchConfig:
    """
    Make the config of a network from its two files.

    :param panmatch: PanMatch checkpoint.
    :param dinov2: backbone.
    :param hooks: the four blocks whose outputs are used, which no file tells; those of the preset
        if not given.
    :raises FormatError: if the files are not what they should be or do not belong together.
    :raises ConfigError: if the hooks cannot be.
    """
    check_kinds(panmatch, dinov2)
    name, changes = backbone_of(dinov2)
    width, needed = PRESETS[name].vit_dim, backbone_width(panmatch)
    if width != needed:
        raise FormatError(
            f'{panmatch.path} is for a backbone of width {needed}{_named(needed)}, and '
            f'{dinov2.path} has the width {width}{_named(width)}: the files do not belong '
            'together')
    changes |= _matcher_of(panmatch)
    if hooks is not None:
        changes['vit_hooks'] = tuple(hooks)
    return preset(name, **changes)


def check_kinds(panmatch: OfficialFile, dinov2: OfficialFile) -> None:
    """
    Refuse the wrong file in either place.

    :raises FormatError: with a hint if the two are swapped.
    """
    if panmatch.kind == DINOV2 and dinov2.kind == PANMATCH:
        raise FormatError(f'{panmatch.path} is the backbone and {dinov2.path} the PanMatch '
                          'checkpoint: --panmatch and --dinov2 seem to be swapped')
    for file, kind, option in ((panmatch, PANMATCH, '--panmatch'), (dinov2, DINOV2, '--dinov2')):
        if file.kind != kind:
            raise FormatError(f'{option} needs {kind} weights, and {file.path} is {file.kind}; '
                              '`panmatch info --catalog` lists the files')


def backbone_of(dinov2: OfficialFile) -> tuple[str, dict[str, Any]]:
    """
    Recognise a backbone.

    :returns: name of the preset, and what differs from it.
    :raises FormatError: if it is none of those that the presets use.
    """
    specs = dinov2.specs
    width, depth, ffn = _length(dinov2, 'pos_embed', -1), _depth(specs), _ffn(specs)
    names = [name for name, config in PRESETS.items()
             if (config.vit_dim, config.vit_depth, config.vit_ffn) == (width, depth, ffn)]
    if not names:
        raise FormatError(
            f'{dinov2.path} is a backbone of width {width} with {depth} blocks ({ffn}), which '
            'is none of DINOv2 S, B, L and g')
    patches = _length(dinov2, 'pos_embed', 1) - 1
    grid = math.isqrt(max(patches, 0))
    if grid == 0 or grid * grid != patches:
        raise FormatError(f'{dinov2.path} has positions for {patches} patches, which are no '
                          'square')
    registers = _length(dinov2, 'register_tokens', 1) if 'register_tokens' in specs else 0
    return names[0], {'vit_registers': registers, 'vit_grid': grid}


def backbone_width(panmatch: OfficialFile) -> int:
    """Width of the backbone that a PanMatch checkpoint was trained on."""
    return _length(panmatch, 'backbone.encoder.linear.0.0.weight', 1)


def check_alone(file: OfficialFile) -> str:
    """
    Check names and shapes of one official file without the other.

    :returns: name of the network that it is for.
    :raises FormatError: if it is not whole, or for no known network.
    """
    if file.kind == DINOV2:
        name, changes = backbone_of(file)
    else:
        width = backbone_width(file)
        names = [name for name, config in PRESETS.items() if config.vit_dim == width]
        if not names:
            raise FormatError(f'{file.path} is for a backbone of width {width}, which is none of '
                              'DINOv2 S, B, L and g')
        name, changes = names[0], _matcher_of(file)
    expected = official_tensors(preset(name, **changes))
    check_tensors(str(file.path), expected[file.kind == DINOV2], file.specs)
    return name


def _matcher_of(panmatch: OfficialFile) -> dict[str, Any]:
    return {'features': _length(panmatch, 'backbone.encoder.linear.0.1.weight', 0),
            'confidence_head': any(key.startswith(_INFO_CONV) for key in panmatch.tensors)}


def _depth(specs: Mapping[str, Spec]) -> int:
    numbers = [int(match[1]) for match in map(_BLOCK.match, specs) if match]
    return max(numbers, default=-1) + 1


def _ffn(specs: Mapping[str, Spec]) -> str:
    return 'swiglu' if 'blocks.0.mlp.w12.weight' in specs else 'mlp'


def _length(file: OfficialFile, name: str, axis: int) -> int:
    """Length of one axis of a tensor, which the file must have."""
    shape = tuple(file.tensors[name].shape) if name in file.tensors else ()
    if not -len(shape) <= axis < len(shape):
        raise FormatError(f'{file.path} does not fit the network: {name} is '
                          f'{"of another shape" if name in file.tensors else "missing"}')
    return shape[axis]


def _named(width: int) -> str:
    names = [name for name, config in PRESETS.items() if config.vit_dim == width]
    return f' ({names[0]})' if names else ''
