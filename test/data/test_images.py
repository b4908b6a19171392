from pathlib import Path

import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError, ShapeError
from panmatch_ros.core.image import MAX_PIXELS
from panmatch_ros.data.images import read_image, read_image_size, write_image

RNG = np.random.default_rng(0)
LFS = b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n'


def random_image(shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 3), (5, 7, 4)])
def test_png_round_trip(tmp_path, shape, dtype):
    image = random_image(shape, dtype)
    write_image(tmp_path / 'image.png', image)
    read = read_image(tmp_path / 'image.png')
    assert read.dtype == dtype
    assert np.array_equal(read, image)


def test_colors_are_rgb(tmp_path):
    bgr = np.zeros((4, 5, 3), np.uint8)
    bgr[...] = (10, 20, 30)
    cv2.imwrite(str(tmp_path / 'image.png'), bgr)
    assert read_image(tmp_path / 'image.png')[0, 0].tolist() == [30, 20, 10]
    write_image(tmp_path / 'other.png', np.full((4, 5, 3), (30, 20, 10), np.uint8))
    assert cv2.imread(str(tmp_path / 'other.png'))[0, 0].tolist() == [10, 20, 30]


def test_jpeg(tmp_path):
    image = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    write_image(tmp_path / 'image.jpg', image)
    assert np.abs(read_image(tmp_path / 'image.jpg').astype(int) - image).max() < 8


def test_a_path_may_have_other_letters_and_be_a_text(tmp_path):
    path = str(tmp_path / 'Bild größer 視差.PNG')
    write_image(path, random_image((4, 4)))
    assert read_image(path).shape == (4, 4)


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'the file is empty'),
    (LFS, 'Git LFS pointer; run "git lfs pull"'),
    (b'hello, I am no image', r"expected an image.*b'hello, I'"),
    (b'\xff\xd8\xff', 'incomplete'),
    (b'\x89PNG\r\n\x1a\n', 'incomplete'),
    (bytes(1000), 'expected an image'),
])
def test_what_is_no_image_is_refused(tmp_path, content, message):
    path = tmp_path / 'image.png'
    path.write_bytes(content)
    with pytest.raises(ImageError, match=f'{path}.*{message}'):
        read_image(path)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
@pytest.mark.parametrize('share', [0.3, 0.6, 0.98])
def test_truncated_images_are_refused(tmp_path, suffix, share):
    # Regression: OpenCV fills the missing rows of a JPEG with grey and says nothing.
    path = tmp_path / f'image{suffix}'
    write_image(path, random_image((64, 64, 3)))
    content = path.read_bytes()
    path.write_bytes(content[:int(share * len(content))])
    with pytest.raises(ImageError, match='the image is incomplete'):
        read_image(path)


def test_a_truncated_jpeg_with_a_complete_thumbnail_is_refused(tmp_path):
    thumbnail = cv2.imencode('.jpg', random_image((8, 8)))[1].tobytes()
    image = cv2.imencode('.jpg', random_image((64, 64)))[1].tobytes()
    segment = b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail
    path = tmp_path / 'image.jpg'
    path.write_bytes(image[:2] + segment + image[2:])
    assert read_image(path).shape == (64, 64)
    path.write_bytes((image[:2] + segment + image[2:])[:-500])
    with pytest.raises(ImageError, match='the image is incomplete'):
        read_image(path)


@pytest.mark.parametrize('header', [
    b'\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\xfd\xe8\x00\x00\xfd\xe8',
    b'\xff\xd8\xff\xc0\x00\x0b\x08\xfd\xe8\xfd\xe8'], ids=['png', 'jpeg'])
def test_size_is_refused_before_decoding(tmp_path, header, monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('the image was decoded'))
    path = tmp_path / 'image'
    path.write_bytes(header + bytes(100))
    with pytest.raises(ImageError, match=f'{path}: an image of 65000x65000 pixels is beyond the '
                                         f'limit of {MAX_PIXELS} pixels'):
        read_image(path)


def test_bytes_after_the_end_of_a_jpeg_do_not_matter(tmp_path):
    path = tmp_path / 'image.jpg'
    write_image(path, random_image((8, 8)))
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert read_image(path).shape == (8, 8)


def test_other_pixel_types_are_refused(tmp_path):
    path = tmp_path / 'image.tiff'
    cv2.imwrite(str(path), np.zeros((4, 4), np.float32))
    with pytest.raises(ImageError, match='expected an image of 8 or 16 bits, found float32'):
        read_image(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ImageError, match='there is no such file'):
        read_image(tmp_path / 'missing.png')
    with pytest.raises(ImageError, match='expected a file'):
        read_image(tmp_path)


@pytest.mark.parametrize(('name', 'message'), [
    ('image.nonsense', "cannot write.*'.nonsense'"),
    ('image', "cannot write.*''"),
    ('missing/image.png', 'cannot be written: No such file'),
])
def test_where_an_image_cannot_be_written(tmp_path, name, message):
    with pytest.raises(ImageError, match=message):
        write_image(tmp_path / name, random_image((4, 4, 3)))
    assert not (tmp_path / name).exists()


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ImageError, match=r'16 bits need one of \.png'):
        write_image(tmp_path / 'image.jpg', random_image((4, 4), np.uint16))
    with pytest.raises(ImageError, match='expected uint8 or uint16 to write, got float32'):
        write_image(tmp_path / 'image.png', np.zeros((4, 4), np.float32))
    with pytest.raises(ShapeError, match='the image to write'):
        write_image(tmp_path / 'image.png', np.zeros((4, 4, 2), np.uint8))
    assert list(Path(tmp_path).iterdir()) == []


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.ppm', '.tiff'])
def test_size(tmp_path, suffix):
    write_image(tmp_path / f'image{suffix}', random_image((5, 7, 3)))
    assert read_image_size(tmp_path / f'image{suffix}') == (5, 7)


def test_size_of_nothing(tmp_path):
    with pytest.raises(ImageError, match='there is no such file'):
        read_image_size(tmp_path / 'image.png')
    (tmp_path / 'image.png').write_bytes(b'text')
    with pytest.raises(ImageError, match='expected an image'):
        read_image_size(tmp_path / 'image.png')
