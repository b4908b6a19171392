"""Images of a folder, a pattern or a video, one after the other."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError, PanMatchError
from panmatch_ros.data.image_sequence import frames_of


def picture(value, size=(24, 32)):
    return np.full((*size, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    for index, value in enumerate((10, 20, 30)):
        cv2.imwrite(str(tmp_path / f'{index}.png'), picture(value))
    return tmp_path


def test_frames_of_a_folder_in_order_and_again(folder):
    frames = frames_of(str(folder), loop=True)
    assert [int(next(frames)[0, 0, 0]) for _ in range(5)] == [10, 20, 30, 10, 20]


def test_frames_of_a_pattern_once(folder):
    assert [int(frame[0, 0, 0]) for frame in frames_of(str(folder / '[01].png'), False)] == [
        10, 20]


def test_frames_of_a_video(tmp_path):
    path = tmp_path / 'video.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (64, 48))
    for value in (40, 200):
        writer.write(picture(value, (48, 64)))
    writer.release()
    values = [int(frame.mean()) for frame in frames_of(str(path), loop=False)]
    assert values == pytest.approx([40, 200], abs=3)


@pytest.mark.parametrize(('make', 'match'), [
    (lambda folder: folder / 'missing.png', 'missing.png'),
    (lambda folder: folder / 'empty', 'the folder holds no image'),
    (lambda folder: folder / 'broken.png', 'broken.png'),
])
def test_nothing_to_play_says_so(tmp_path, make, match):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'broken.png').write_bytes(b'no image')
    with pytest.raises(PanMatchError, match=match):
        next(frames_of(str(make(tmp_path)), loop=False))


def test_broken_video_says_so(tmp_path):
    (tmp_path / 'broken.avi').write_bytes(b'no video')
    with pytest.raises(ImageError, match='not a video that OpenCV can read'):
        next(frames_of(str(tmp_path / 'broken.avi'), loop=False))


def test_a_tilde_is_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv('HOME', str(folder))
    assert [int(frame[0, 0, 0]) for frame in frames_of('~/[12].png', False)] == [20, 30]
    assert int(next(frames_of('~/2.png', True))[0, 0, 0]) == 30
