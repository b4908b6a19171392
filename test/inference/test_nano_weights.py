"""The network that is shipped: whole, small, equal to PyTorch, and right on what is known."""
import logging
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from panmatch_ros.checkpoints.nano_graphs import (
    MANIFEST,
    WEIGHTS,
    find_nano,
    shipped_folder,
)
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions
from panmatch_ros.models.nano_parts import PARTS

SIZES = [(64, 64), (33, 57), (101, 333), (240, 320), (375, 450), (480, 640), (500, 741),
         (376, 1241), (600, 801)]


@pytest.fixture(scope='module')
def matcher():
    return NanoMatcher(NanoOptions(threads=1))


def texture(height, width, seed=0):
    """Detail of several sizes, uint8 RGB."""
    rng = np.random.default_rng(seed)
    parts = [weight * cv2.resize(rng.random((height // step + 3, width // step + 3, 3)),
                                 (width, height), interpolation=cv2.INTER_CUBIC)
             for step, weight in ((3, 0.2), (8, 0.3), (24, 0.5))]
    return (np.clip(sum(parts), 0, 1) * 255).astype(np.uint8)


def moved_pair(height, width, right, down=0):
    """Image 1 shows what image 0 shows, ``right`` and ``down`` pixels further."""
    margin = 64
    image = texture(height + 2 * margin, width + 2 * margin)
    return [np.ascontiguousarray(image[margin - y:margin - y + height,
                                       margin - x:margin - x + width])
            for x, y in ((0, 0), (right, down))]


def test_all_files_are_there_whole_and_small():
    graphs = find_nano()
    folder = shipped_folder()
    for part in PARTS:
        assert graphs.read(part)
    files = [folder / name for name in (*graphs.manifest['files'], MANIFEST)]
    assert folder / WEIGHTS in files
    assert sum(path.stat().st_size for path in files) < 12e6


def test_the_graphs_are_of_the_weights():
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    from panmatch_ros.checkpoints.files import sha256
    from panmatch_ros.checkpoints.nano_weights import load_nano
    from panmatch_ros.cli.export import compare
    path = shipped_folder() / WEIGHTS
    manifest = find_nano().manifest
    assert sha256(path) == manifest['files'][WEIGHTS]['sha256'] == manifest['weights_sha256']
    found = compare(load_nano(path)[0], '')
    assert found['flow_px'] < 1e-3
    assert found['stereo_px'] < 1e-3
    assert max(found['flow_other_share'], found['stereo_other_share']) < 0.005


@pytest.mark.parametrize('kind', ['colour', 'grey'])
def test_identical_images_have_no_flow(matcher, kind):
    image = texture(240, 320)
    image = image if kind == 'colour' else image[..., 0]
    result = matcher.match(image, image)
    assert np.linalg.norm(result.flow, axis=2).mean() < 0.05
    assert result.confidence.mean() > 0.9


@pytest.mark.parametrize('size', SIZES)
def test_a_known_motion_in_images_of_many_sizes(matcher, size):
    result = matcher.match(*moved_pair(*size, 6, -3))
    assert result.flow.shape == (*size, 2)
    error = np.linalg.norm(result.flow - (6, -3), axis=2)
    assert np.median(error) < 0.3


@pytest.mark.slow
def test_a_known_motion_in_a_large_image(matcher):
    result = matcher.match(*moved_pair(1080, 1920, 20, 8))
    assert np.median(np.linalg.norm(result.flow - (20, 8), axis=2)) < 0.3


def test_a_known_disparity(matcher):
    left, right = moved_pair(240, 320, -12)
    result = matcher.match_stereo(left, right)
    assert np.median(np.abs(result.disparity - 12)[:, 24:]) < 0.3
    assert result.confidence[:, 24:].mean() > 0.7


def test_a_pair_of_grey_images(matcher):
    pair = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in moved_pair(240, 320, 4, 4)]
    assert np.median(np.linalg.norm(matcher.match(*pair).flow - 4, axis=2)) < 0.3


@pytest.mark.parametrize('mode', ['detail', 'large_motion'])
def test_modes(matcher, mode):
    other = matcher.with_options(NanoOptions(threads=1, **{mode: True}))
    result = other.match(*moved_pair(240, 320, 6, -3))
    assert np.median(np.linalg.norm(result.flow - (6, -3), axis=2)) < 0.3


def test_swapped_images_are_warned_about(matcher, caplog):
    fresh = matcher.with_options(matcher.options)
    left, right = moved_pair(240, 320, -20)
    with caplog.at_level(logging.WARNING):
        fresh.match_stereo(left, right)
        assert 'swapped' not in caplog.text
        swapped = fresh.match_stereo(right, left)
        fresh.match_stereo(right, left)
    assert caplog.text.count('look swapped') == 1
    assert swapped.confidence.mean() < 0.3


@pytest.mark.parametrize('value', [0, 127])
def test_plain_images_are_not_trusted(matcher, value):
    image = np.full((120, 160, 3), value, np.uint8)
    assert matcher.match(image, image).confidence.max() == 0
    assert matcher.match_stereo(image, image).confidence.max() == 0


@pytest.mark.parametrize('task', ['match', 'match_stereo'])
def test_the_memory_of_a_process(task, tmp_path):
    program = f"""
from pathlib import Path
import numpy as np
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions
images = np.random.default_rng(0).integers(0, 256, (2, 480, 640, 3), dtype=np.uint8)
matcher = NanoMatcher(NanoOptions(threads=2))
for _ in range(3):
    matcher.{task}(*images)
peak = [line for line in Path('/proc/self/status').read_text().splitlines()
        if line.startswith('VmHWM:')]  # of this program, not of the one that started it
print(int(peak[0].split()[1]) / 1024)
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                          timeout=60, check=True, cwd=tmp_path)
    assert float(done.stdout) < 350
