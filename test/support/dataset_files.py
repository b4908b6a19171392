"""
Tiny files of datasets, byte by byte as their authors describe them.

None of the writers under test is used, so that a reader cannot agree with its writer on a mistake.
"""
from pathlib import Path

import cv2
import numpy as np

SIZE = (4, 6)   # height, width of the images


def images(folder: Path, *names: str, size: tuple[int, int] = SIZE) -> None:
    """Write grey-blue images; the folders are made."""
    for name in names:
        path = made(folder / name)
        assert cv2.imwrite(str(path), np.full((*size, 3), (90, 60, 30), np.uint8))


def levels(path: Path, values: object, dtype: type = np.uint8) -> None:
    """Write an image of grey or RGB values as they are."""
    array = np.array(values, dtype)
    bgr = array[..., ::-1] if array.ndim == 3 else array
    assert cv2.imwrite(str(made(path)), np.ascontiguousarray(bgr))


def flo(path: Path, flow: np.ndarray) -> None:
    """Write a .flo file: magic number, width, height, vectors."""
    height, width = flow.shape[:2]
    header = (b'PIEH' + np.array([width, height], '<i4').tobytes())
    made(path).write_bytes(header + flow.astype('<f4').tobytes())


def pfm(path: Path, values: np.ndarray) -> None:
    """Write a .pfm file: the bottom row comes first."""
    kind = 'PF' if values.ndim == 3 else 'Pf'
    header = f'{kind}\n{values.shape[1]} {values.shape[0]}\n-1\n'.encode()
    made(path).write_bytes(header + values[::-1].astype('<f4').tobytes())


def npy(path: Path, values: np.ndarray) -> None:
    """Write a .npy file."""
    np.save(made(path), values, allow_pickle=False)


def text(path: Path, content: str) -> None:
    """Write a text file."""
    made(path).write_text(content)


def touch(folder: Path, *names: str) -> Path:
    """Make empty files."""
    for name in names:
        made(folder / name).touch()
    return folder


def made(path: Path) -> Path:
    """Make the folder of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def is_float32(array: np.ndarray | None, expected: object) -> None:
    """Compare exactly; NaN equals NaN."""
    assert array is not None
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.array(expected, np.float32))
