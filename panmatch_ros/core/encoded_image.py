"""
What the bytes of an encoded image tell before they are decoded: its size, and if its end is there.

A few hundred kilobytes of PNG can claim hundreds of megapixels, and decoding takes the memory for
them. Only headers are read here.
"""
from collections.abc import Iterator
import re

from .errors import ImageError
from .image import MAX_PIXELS

PNG_START = b'\x89PNG\r\n\x1a\n'
PNG_CHUNK_FRAME = 12  # bytes: length, type, checksum
JPEG_START = b'\xff\xd8'
# No stuffed 0xff, no fill byte, no marker that stands alone (restart, 0x01).
JPEG_MARKER = re.compile(rb'\xff([^\x00\x01\xd0-\xd7\xff])')
JPEG_SCAN, JPEG_END = 0xda, 0xd9
# Baseline, progressive and so on; three codes in between mean something else.
JPEG_FRAMES = frozenset(range(0xc0, 0xd0)) - {0xc4, 0xc8, 0xcc}

Bytes = bytes | bytearray | memoryview


def encoded_size(data: Bytes) -> tuple[int, int] | None:
    """
    Read the size of an encoded image from its header.

    :param data: the file; a memoryview has to be of single bytes.
    :returns: (height, width) in pixels; None if this is no PNG or JPEG, or the header is cut.
    """
    if data[:8] == PNG_START:
        if len(data) < 24 or data[12:16] != b'IHDR':
            return None
        return _number(data, 20, 4), _number(data, 16, 4)
    if data[:2] == JPEG_START:
        for marker, offset in _jpeg_markers(data):
            if marker in JPEG_FRAMES:
                # Two bytes of length and one of precision come first.
                return (None if offset + 7 > len(data)
                        else (_number(data, offset + 3, 2), _number(data, offset + 5, 2)))
            if marker == JPEG_SCAN:
                return None
    return None


def is_cut(data: Bytes) -> bool:
    """
    Tell whether a PNG or JPEG lacks its end; OpenCV would fill the rest with grey.

    The end is that of the image itself, not of a thumbnail in its headers. What follows it does
    not matter: some cameras pad.

    :param data: the file; a memoryview has to be of single bytes.
    :returns: False also for all other formats.
    """
    if data[:8] == PNG_START:
        return not _png_ends(data)
    if data[:2] == JPEG_START:
        scanned = False
        for marker, _ in _jpeg_markers(data):
            scanned = scanned or marker == JPEG_SCAN
            if marker == JPEG_END:
                return not scanned
        return True
    return False


def check_pixel_count(size: tuple[int, int] | None, name: str, limit: int = MAX_PIXELS) -> None:
    """
    Refuse an image that is too large.

    :param size: (height, width) in pixels; None, if it is not known yet, passes.
    :param name: how the error calls the image: a topic or path.
    :param limit: most pixels that are accepted.
    :raises ImageError: if there are more.
    """
    if size is not None and size[0] * size[1] > limit:
        raise ImageError(f'{name}: an image of {size[1]}x{size[0]} pixels is beyond the limit of '
                         f'{limit} pixels')


def _png_ends(data: Bytes) -> bool:
    offset = len(PNG_START)
    while offset + 8 <= len(data):
        if data[offset + 4:offset + 8] == b'IEND':
            return True
        offset += PNG_CHUNK_FRAME + _number(data, offset, 4)
    return False


def _jpeg_markers(data: Bytes) -> Iterator[tuple[int, int]]:
    """
    Walk over the segments up to the end marker, skipping their contents and the coded pixels.

    Like libjpeg it steps over stray bytes between segments, so that they cannot hide a size.

    :returns: each marker, and the offset of what follows it.
    """
    offset = len(JPEG_START)
    while found := JPEG_MARKER.search(data, offset):
        marker, offset = found[1][0], found.end()
        yield marker, offset
        if marker == JPEG_END:
            return
        # A length counts itself; one below 2 is broken, but must not stop the walk.
        offset += max(2, _number(data, offset, 2))


def _number(data: Bytes, offset: int, length: int) -> int:
    return int.from_bytes(data[offset:offset + length], 'big')
