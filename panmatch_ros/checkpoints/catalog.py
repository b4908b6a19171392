"""
Where to get the official files, and what is known about them.

Nobody publishes check sums of them. Those of the DINOv2 files below were recorded by others who
downloaded them: github.com/finegrain-ai/refiners, src/refiners/conversion/models/dinov2.py, and
several other public repositories that agree. None is known for the PanMatch checkpoint.
"""
from dataclasses import dataclass

from .official import DINOV2, PANMATCH

ORIGIN = ('as recorded in github.com/finegrain-ai/refiners and other public repositories; the '
          'publisher states none')


@dataclass(frozen=True)
class CatalogEntry:
    """
    One official file.

    :param file: its name.
    :param kind: ``official.PANMATCH`` or ``official.DINOV2``.
    :param preset: network that it is for.
    :param url: where it can be downloaded.
    :param page: where its authors describe it.
    :param licence: terms that the authors state.
    :param tensors: number of tensors in it.
    :param parameters: number of learned values.
    :param size_bytes: size of the file; None if not known.
    :param sha256: check sum that others recorded; None if not known.
    """

    file: str
    kind: str
    preset: str
    url: str
    page: str
    licence: str
    tensors: int
    parameters: int
    size_bytes: int | None = None
    sha256: str | None = None


def _dinov2(size: str, tensors: int, parameters: int, size_bytes: int,
            sha256: str) -> CatalogEntry:
    model = f'dinov2_vit{size}14'
    file = f'{model}_reg4_pretrain.pth'
    return CatalogEntry(
        file, DINOV2, f'panmatch_{size}', f'https://dl.fbaipublicfiles.com/dinov2/{model}/{file}',
        'https://github.com/facebookresearch/dinov2', 'Apache-2.0', tensors, parameters,
        size_bytes, sha256)


CATALOG = (
    CatalogEntry(
        'PanMatch_stage3_60k.pth', PANMATCH, 'panmatch_g',
        'https://drive.google.com/file/d/18pV4RzO2_AdKCrQwSgHf57tfD3xB9S77/view',
        'https://github.com/zhangyj85/PanMatch', 'none stated', 555, 34_922_369),
    _dinov2('g', 568, 1_136_486_912, 4_546_140_349,
            '746ecb8c6301c645c5c855be91687d274587d6e48fdaec4a729753160b34a283'),
    _dinov2('l', 344, 304_372_736, 1_217_607_321,
            '36e4deffbaef061a2576705b0c36f93621e2ae20bf6274694821b0b492551b51'),
    _dinov2('b', 176, 86_583_552, 346_393_545,
            '73182a088cf94833c94b1666d1c99e02fe87e2007bff57b564fb6206e25dba71'),
    _dinov2('s', 176, 22_058_112, 88_291_785,
            'f433177089a681826f849f194ece3bb48f4d63fb38d32fc837e3dc7a4e5641fb'),
)


def known_file(sha256: str) -> CatalogEntry | None:
    """Find the official file with this check sum."""
    return next((entry for entry in CATALOG if entry.sha256 == sha256), None)


def describe_checksum(kind: str, sha256: str) -> str:
    """
    Say what a check sum tells about an official file.

    :param kind: ``official.PANMATCH`` or ``official.DINOV2``.
    :param sha256: of the file, hexadecimal digits.
    """
    entry = known_file(sha256)
    if entry is not None:
        return f'the check sum is that of {entry.file} ({ORIGIN})'
    if kind == PANMATCH:
        return 'no published check sum is known to compare with'
    return ('the check sum is none of those known for DINOv2 files with registers: this may be '
            'another backbone, or a file that was saved again')
