"""What a file is, told from its bytes; refusals that say what to do."""
import hashlib
from pathlib import Path
import zipfile

from ..core.errors import FormatError

AGAIN = 'download it again'
_ZIP, _PICKLE, _PROTOCOL = b'PK\x03\x04', b'\x80', 2
_BLOCK = 1 << 22
_LARGEST_HEADER = 100 << 20  # of safetensors


def is_safetensors(path: Path) -> bool:
    """Whether the file starts like a safetensors file: length of the header, then JSON."""
    with path.open('rb') as file:
        start = file.read(9)
    return (len(start) == 9 and start[8:] == b'{'
            and 2 <= int.from_bytes(start[:8], 'little') <= _LARGEST_HEADER)


def check_readable(path: Path) -> None:
    """
    Refuse what cannot be a weight file at all.

    :raises FormatError: for a folder, an empty file, a Git LFS pointer or a web page.
    :raises OSError: if the file is absent or must not be read.
    """
    if path.is_dir():
        raise FormatError(f'{path} is a folder; give the weight file in it')
    with path.open('rb') as file:
        start = file.read(1024)
    if not start:
        raise FormatError(f'{path} is empty; {AGAIN}')
    if start.startswith(b'version https://git-lfs'):
        raise FormatError(f'{path} is a Git LFS pointer, not the file itself: run `git lfs pull` '
                          f'where it was cloned, or {AGAIN}')
    text = start.lstrip(b'\xef\xbb\xbf \t\r\n').lower()
    if text.startswith((b'<!doctype', b'<html', b'<head', b'<?xml')):
        raise FormatError(f'{path} is a web page, not weights: the download stopped at a page '
                          f'that asks for confirmation or reports an error; {AGAIN} in a browser')


def check_torch_file(path: Path) -> bool:
    """
    Refuse what ``torch.save`` did not write, and what is damaged.

    :returns: whether it is an archive, the format since PyTorch 1.6, which can be mapped into
        memory; False for the older one.
    :raises FormatError: with what the file is instead.
    :raises OSError: if the file cannot be read.
    """
    check_readable(path)
    if is_safetensors(path):
        raise FormatError(f'{path} is a safetensors file, and a PyTorch file (.pth) is needed; '
                          f'`panmatch info {path}` says what is in it')
    with path.open('rb') as file:
        start = file.read(4)
    if start.startswith(_PICKLE):
        if len(start) > 1 and start[1] != _PROTOCOL:
            raise FormatError(f'{path} is refused: it is a plain Python pickle, which can run '
                              'code, and not written by torch.save')
        return False
    if start != _ZIP:
        raise FormatError(f'{path} is not a PyTorch file (.pth)')
    try:
        _check_archive(path)
    except FormatError:  # is a ValueError, and says already what is wrong
        raise
    except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as error:
        # Archives end with their table of contents, so a cut one has none.
        raise FormatError(f'{path} is cut off or damaged ({error}); {AGAIN}') from error
    return True


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if not any(name.endswith('/data.pkl') for name in names):
            raise FormatError(f'{path} is a zip archive, and not one of torch.save')
        if any(name.endswith('/constants.pkl') for name in names):
            raise FormatError(f'{path} is refused: it is a TorchScript program, not weights')
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise FormatError(f'{path} was compressed again by another program; {AGAIN}')
        damaged = archive.testzip()  # torch.load does not compare the check sums
    if damaged is not None:
        raise FormatError(f'{path} is damaged: the check sum of {damaged} is wrong; {AGAIN}')


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
