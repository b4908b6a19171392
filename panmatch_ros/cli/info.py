"""Say what a weight file is: one that `panmatch convert` wrote, or an official one."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import ConfigError

if TYPE_CHECKING:
    from ..checkpoints.native import Metadata

SUMMARY = 'say what a weight file is and where to get the official ones'
EXAMPLES = """\
panmatch info --catalog                         # the official files and where to get them
panmatch info panmatch_g.safetensors            # network, tensors, crop size, origin
panmatch info panmatch_g.safetensors --verify   # also read all values
panmatch info dinov2_vitg14_reg4_pretrain.pth   # an official file: is it whole?
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('file', type=Path, nargs='?', metavar='FILE', help='the weight file')
    parser.add_argument('--verify', action='store_true',
                        help='also read every value, and print the SHA-256 of the file')
    parser.add_argument('--catalog', action='store_true',
                        help='list the official files: where they are, size, check sums')


def run(args: argparse.Namespace) -> int:
    """
    Print what the file is, or the catalog.

    :raises PanMatchError: if the file is no weight file or damaged.
    """
    if (args.file is None) != args.catalog:
        raise ConfigError('give a weight file, or --catalog')
    if args.catalog:
        print_catalog()
        return 0
    from ..checkpoints.files import check_readable, is_safetensors
    from .info_nano import is_nano, rows_of
    check_readable(args.file)
    if is_nano(args.file):
        print_rows(rows_of(args.file))
    elif is_safetensors(args.file):
        print_native(args.file, args.verify)
    else:
        print_official(args.file, args.verify)
    return 0


def print_native(path: Path, verify: bool) -> None:
    """
    Print what one of our files says about itself, after checking names and shapes.

    :param verify: also read all values.
    """
    from ..checkpoints.files import sha256
    from ..checkpoints.manifest import count_parameters
    from ..checkpoints.native import read_metadata, read_native
    metadata, specs = read_metadata(path)
    rows = [('file', f'{path} ({size(path.stat().st_size)})'),
            *describe_network(metadata),
            ('tensors', f'{len(specs)}, all of the network and nothing else'),
            ('parameters', f'{count_parameters(specs):,}')]
    for source in metadata.sources:
        rows += [(source.role, f'{source.name} ({size(source.size_bytes)})'),
                 ('', f'sha256 {source.sha256}')]
    stated = [('written by', metadata.creator), ('licence', metadata.licence)]
    rows += [(name, text) for name, text in stated if text]
    rows += [('note', note) for note in metadata.notes]
    if verify:
        read_native(path)
        rows += [('values', 'all finite'), ('sha256', sha256(path))]
    print_rows(rows)


def describe_network(metadata: 'Metadata') -> list[tuple[str, str]]:
    """Rows on the form of the network."""
    config = metadata.config
    ffn = f', {config.vit_ffn}' if config.vit_ffn != 'mlp' else ''
    hooks = ' '.join(str(hook) for hook in config.vit_hooks)
    return [
        ('network', metadata.preset),
        ('backbone', f'width {config.vit_dim}, {config.vit_depth} blocks{ffn}, '
                     f'{config.vit_registers} registers, blocks {hooks} are used'),
        ('features', str(config.features)),
        ('confidence', 'predicted by the network' if config.confidence_head else 'no head for it'),
        crop_size(metadata.crop_size)]


def print_official(path: Path, verify: bool) -> None:
    """
    Print what an official file is and how to convert it, after checking names and shapes.

    :param verify: also read all values.
    """
    from ..checkpoints.architecture import check_alone
    from ..checkpoints.catalog import describe_checksum
    from ..checkpoints.files import sha256
    from ..checkpoints.manifest import count_parameters
    from ..checkpoints.official import read_official
    from ..checkpoints.tensors import to_float32
    file = read_official(path)
    name = check_alone(file)
    digest = sha256(path)
    rows = [('file', f'{path} ({size(path.stat().st_size)})'),
            ('kind', f'{file.kind} weights in the official format'), ('network', name)]
    if file.crop_size:
        rows.append(crop_size(file.crop_size))
    if verify:
        to_float32(path, file.tensors)
        rows.append(('values', 'all finite'))
    rows += [('tensors', f'{len(file.tensors)}, all that belong there and nothing else'),
             ('parameters', f'{count_parameters(file.specs):,}'), ('sha256', digest),
             *(('note', note) for note in (*file.notes, describe_checksum(file.kind, digest))),
             ('next', 'panmatch convert --panmatch PANMATCH.pth --dinov2 DINOV2.pth --out '
                      'OUT.safetensors')]
    print_rows(rows)


def print_catalog() -> None:
    """Print where the official files are and what is known about them."""
    from ..checkpoints.catalog import CATALOG, ORIGIN
    for entry in CATALOG:
        print(f'{entry.file}: {entry.kind} weights for {entry.preset}')
        print_rows([
            ('get it', entry.url), ('page', entry.page), ('licence', entry.licence),
            ('holds', f'{entry.tensors} tensors, {entry.parameters:,} parameters'),
            ('size', f'{entry.size_bytes:,} bytes' if entry.size_bytes else 'not known'),
            ('sha256', entry.sha256 or 'not known')], indent='  ')
        print()
    print(f'Check sums are {ORIGIN}.')
    print('The released PanMatch checkpoint is for the largest backbone, g. The smaller ones are '
          'for networks that were trained on them.')


def print_rows(rows: list[tuple[str, str]], indent: str = '') -> None:
    """Print names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f'{indent}{name:<{width}}  {value}')


def crop_size(value: tuple[int, int] | None) -> tuple[str, str]:
    """Row on the size of the images in training, pixels."""
    return 'crop size', f'{value[0]}x{value[1]} (height x width)' if value else 'not recorded'


def size(length: int) -> str:
    """Length of a file for people."""
    return f'{length / 1e9:.2f} GB' if length >= 1e9 else f'{length / 1e6:.1f} MB'
