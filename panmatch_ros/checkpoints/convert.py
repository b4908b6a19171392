"""From the two official files to one of ours, and back."""
from collections.abc import Mapping, Sequence
import importlib.metadata
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from ..models.config import PanMatchConfig
from .architecture import config_of
from .catalog import describe_checksum
from .files import sha256
from .keymap import DINOV2 as DINOV2_PREFIX
from .keymap import official_key, own_key
from .manifest import check_tensors, official_tensors
from .native import Metadata, Source, save_native
from .official import OfficialFile, read_official
from .tensors import MODULE, to_float32

SUFFIX = '.safetensors'
LICENCE = ('DINOv2 weights: Apache-2.0, github.com/facebookresearch/dinov2. PanMatch weights: '
           'github.com/zhangyj85/PanMatch states no licence; ask its authors before you pass '
           'them on.')


def convert(panmatch: Path, dinov2: Path, out: Path, hooks: Sequence[int] | None = None,
            overwrite: bool = False) -> Metadata:
    """
    Make one weight file from the official ones.

    :param panmatch: PanMatch checkpoint.
    :param dinov2: weights of its backbone.
    :param out: file to write, ``.safetensors``.
    :param hooks: blocks of the backbone that feed the four scales; those of the preset if None.
    :param overwrite: replace ``out`` if it exists.
    :returns: the description that was written.
    :raises FormatError: if a file is not what it should be; nothing is written then.
    :raises ConfigError: if ``out`` must not be written, or the hooks cannot be.
    :raises OSError: if a file cannot be read or written.
    """
    check_out(out, (panmatch, dinov2), overwrite)
    files = (read_official(panmatch), read_official(dinov2))
    config = config_of(*files, hooks)
    for file, expected in zip(files, official_tensors(config), strict=True):
        check_tensors(str(file.path), expected, file.specs)
    tensors: dict[str, Any] = {}
    notes: list[str] = []
    for file, prefix in zip(files, ('', DINOV2_PREFIX), strict=True):
        single, converted = to_float32(file.path, file.tensors)
        tensors |= {own_key(prefix + name): tensor for name, tensor in single.items()}
        notes += [*file.notes, *(f'{file.path.name}: {text}' for text in converted)]
    metadata = describe(config, files, [*notes, *notes_on(config, hooks is not None)])
    save_native(out, tensors, metadata)
    return metadata


def official_states(tensors: Mapping[str, Any],
                    prefix: str = MODULE) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Name the tensors of our network as the official files do; the inverse of a conversion.

    :param tensors: under our names, those of ``PanMatch.state_dict()`` for example.
    :param prefix: put before the names of the PanMatch checkpoint.
    :returns: ``model_state`` of the PanMatch checkpoint, and the DINOv2 file.
    :raises FormatError: if a name is not one of ours.
    """
    panmatch, dinov2 = {}, {}
    for name, tensor in tensors.items():
        official = official_key(name)
        if official.startswith(DINOV2_PREFIX):
            dinov2[official.removeprefix(DINOV2_PREFIX)] = tensor
        else:
            panmatch[prefix + official] = tensor
    return panmatch, dinov2


def check_out(out: Path, sources: Sequence[Path], overwrite: bool) -> None:
    """
    Refuse a place for the result before any work is done.

    :raises ConfigError: with what to do.
    """
    if out.suffix != SUFFIX:
        raise ConfigError(f'--out must be a file name that ends with {SUFFIX}, got {out}')
    if not out.parent.is_dir():
        raise ConfigError(f'the folder {out.parent} of --out does not exist')
    if out.is_dir():
        raise ConfigError(f'--out {out} is a folder')
    if any(source.exists() and out.exists() and out.samefile(source) for source in sources):
        raise ConfigError(f'--out {out} is one of the files to read')
    if out.exists() and not overwrite:
        raise ConfigError(f'{out} exists; --overwrite replaces it')


def describe(config: PanMatchConfig, files: Sequence[OfficialFile],
             notes: Sequence[str] = ()) -> Metadata:
    """Describe a conversion; takes the check sums of the files."""
    notes, sources = list(notes), []
    for file in files:
        digest = sha256(file.path)
        sources.append(Source(file.kind, file.path.name, file.path.stat().st_size, digest))
        notes.append(f'{file.path.name}: {describe_checksum(file.kind, digest)}')
    crop_sizes = [file.crop_size for file in files if file.crop_size]
    return Metadata(config, crop_sizes[0] if crop_sizes else None, tuple(sources),
                    f'panmatch_ros {_version()}', LICENCE, tuple(notes))


def notes_on(config: PanMatchConfig, hooks_given: bool) -> list[str]:
    """Say what was assumed about a network."""
    notes = []
    if not hooks_given:
        hooks = ' '.join(str(hook) for hook in config.vit_hooks)
        notes.append(f'no file tells which backbone blocks are used; taken: {hooks} (--hooks '
                     'changes it)')
    if config.vit_registers == 0:
        notes.append('the backbone has no register tokens; the official network was trained on '
                     'one with 4')
    return notes


def _version() -> str:
    try:
        return importlib.metadata.version('panmatch_ros')
    except importlib.metadata.PackageNotFoundError:
        return 'unknown'
