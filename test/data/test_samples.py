import logging
from pathlib import Path
import stat

import numpy as np
import pytest

from panmatch_ros.core.errors import MissingDependencyError
from panmatch_ros.data import samples
from panmatch_ros.data.formats import read_disparity, read_image
from panmatch_ros.data.samples import (
    REQUIRED_FILES,
    SAMPLE_FILES,
    cache_folder,
    fetch_samples,
    find_samples,
    sample_rig_aloe,
)

IN_PACKAGE = 'usr/share/doc/opencv-doc/examples/data'
DOWNLOAD = 'echo package > opencv-doc_4.6.0_all.deb; echo call >> "$CALLS"'


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Give a machine of its own: cache, installed package, apt lists and programs."""
    world = World(tmp_path)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('PATH', str(world.programs))
    monkeypatch.setenv('CALLS', str(tmp_path / 'calls'))
    monkeypatch.delenv('PANMATCH_SAMPLES', raising=False)
    monkeypatch.setattr(samples, 'INSTALLED_FOLDER', tmp_path / 'installed')
    monkeypatch.setattr(samples, 'APT_LISTS', world.lists)
    return world


class World:
    """Fake ``apt-get`` and ``dpkg-deb``, and what the package holds."""

    def __init__(self, folder):
        self.folder = folder
        self.programs, self.lists, self.tree = (folder / name
                                                for name in ('bin', 'lists', 'tree'))
        for path in (self.programs, self.lists, self.tree / IN_PACKAGE):
            path.mkdir(parents=True)
        (self.lists / 'mirror.example_main_binary-amd64_Packages').touch()
        fill(self.tree / IN_PACKAGE)
        (self.tree / IN_PACKAGE / 'baboon.jpg').write_text('not used')
        self.program('apt-get', f'[ "$1 $2" = "download opencv-doc" ] || exit 9; {DOWNLOAD}')
        self.program('dpkg-deb', f'[ "$1" = -x ] && [ -f "$2" ] && cp -r {self.tree} "$3"')

    def program(self, name, script):
        path = self.programs / name
        path.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def downloads(self):
        calls = self.folder / 'calls'
        return len(calls.read_text().splitlines()) if calls.exists() else 0

    def left_over(self):
        parent = cache_folder().parent
        return [path.name for path in parent.iterdir()] if parent.exists() else []


def fill(folder, names=SAMPLE_FILES):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f'content of {name}')
    return folder


def test_fetch(world):
    assert find_samples() is None
    folder = fetch_samples()
    assert folder == world.folder / 'cache' / 'panmatch_ros' / 'opencv-doc'
    assert sorted(path.name for path in folder.iterdir()) == sorted(SAMPLE_FILES)
    assert (folder / 'aloeL.jpg').read_text() == 'content of aloeL.jpg'
    assert find_samples() == folder
    assert world.left_over() == ['opencv-doc']


def test_what_is_in_the_cache_is_not_fetched_again(world):
    fetch_samples()
    fetch_samples()
    assert world.downloads == 1


def test_an_incomplete_cache_is_replaced(world):
    fill(cache_folder(), ['aloeL.jpg', 'old.txt'])
    folder = fetch_samples()
    assert not (folder / 'old.txt').exists()
    assert find_samples() == folder
    assert world.left_over() == ['opencv-doc']


def test_compressed_files_are_unpacked(world):
    import gzip
    packed = world.tree / IN_PACKAGE / 'vtest.avi'
    packed.unlink()
    packed.with_name('vtest.avi.gz').write_bytes(gzip.compress(b'frames'))
    assert (fetch_samples() / 'vtest.avi').read_bytes() == b'frames'


def test_files_that_are_not_required_may_be_missing(world):
    (world.tree / IN_PACKAGE / 'left07.jpg').unlink()
    assert not (fetch_samples() / 'left07.jpg').exists()


@pytest.mark.parametrize('program', ['apt-get', 'dpkg-deb'])
def test_a_program_is_missing(world, program):
    (world.programs / program).unlink()
    with pytest.raises(MissingDependencyError, match=f'needs {program}.*PANMATCH_SAMPLES'):
        fetch_samples()


@pytest.mark.parametrize(('script', 'message'), [
    ('echo "E: Failed to fetch http://x  Temporary failure resolving" >&2; exit 100',
     'is there a network.*sudo apt-get update.*Temporary failure resolving'),
    ('echo "E: Unable to locate package opencv-doc" >&2; exit 100',
     'apt knows no package opencv-doc; run "sudo apt-get update".*universe'),
    ('exit 100', 'is there a network.*apt-get says: exit status 100'),
    ('exit 0', r'left no \.deb file'),
])
def test_the_download_fails(world, script, message):
    world.program('apt-get', script)
    with pytest.raises(MissingDependencyError, match=message):
        fetch_samples()
    assert world.left_over() == []


def test_the_lists_of_apt_are_empty(world):
    for path in world.lists.iterdir():
        path.unlink()
    world.program('apt-get', 'echo "E: No packages found" >&2; exit 100')
    with pytest.raises(MissingDependencyError,
                       match=r'lists of apt are empty; run "sudo apt-get update"'):
        fetch_samples()


def test_the_download_hangs(world, monkeypatch):
    monkeypatch.setattr(samples, 'TIMEOUT_S', 0.1)
    world.program('apt-get', 'exec sleep 20')
    with pytest.raises(MissingDependencyError, match='"apt-get download" did not end within'):
        fetch_samples()


def test_the_package_is_damaged(world):
    world.program('dpkg-deb', 'echo "dpkg-deb: error: not a debian archive" >&2; exit 2')
    with pytest.raises(MissingDependencyError, match=r'cannot unpack opencv-doc_4\.6\.0_all\.deb'
                                                     ': .*not a debian archive'):
        fetch_samples()
    assert world.left_over() == []


def test_the_package_holds_something_else(world):
    (world.tree / IN_PACKAGE / 'aloeR.jpg').unlink()
    with pytest.raises(MissingDependencyError, match=r'does not hold aloeR\.jpg; set PANMATCH'):
        fetch_samples()
    assert world.left_over() == []


def test_the_cache_cannot_be_written(world):
    (world.folder / 'cache').write_text('a file, not a folder')
    with pytest.raises(MissingDependencyError, match='cannot be kept in .*opencv-doc'):
        fetch_samples()


def test_the_order_of_places(world, monkeypatch):
    installed = fill(world.folder / 'installed', REQUIRED_FILES)
    assert find_samples() == installed
    cached = fill(cache_folder(), REQUIRED_FILES)
    assert find_samples() == cached
    chosen = fill(world.folder / 'chosen', REQUIRED_FILES)
    monkeypatch.setenv('PANMATCH_SAMPLES', str(chosen))
    assert find_samples() == chosen


def test_a_chosen_folder_without_the_files_is_reported(world, monkeypatch, caplog):
    installed = fill(world.folder / 'installed', REQUIRED_FILES)
    monkeypatch.setenv('PANMATCH_SAMPLES', str(world.folder))
    with caplog.at_level(logging.WARNING):
        assert find_samples() == installed
    assert 'PANMATCH_SAMPLES=' in caplog.text
    assert 'expected a folder with aloeL.jpg' in caplog.text


def test_the_default_cache_is_in_the_home(monkeypatch):
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setenv('HOME', '/home/someone')
    assert cache_folder() == Path('/home/someone/.cache/panmatch_ros/opencv-doc')


def test_aloe_rig():
    rig = sample_rig_aloe((1110, 1282))
    assert (rig.left.height, rig.left.width) == (1110, 1282)
    assert rig.focal_px == 3740
    assert rig.baseline_m == pytest.approx(0.16)
    assert rig.cx_offset_px == pytest.approx(-270)
    half = sample_rig_aloe((555, 641))
    assert half.focal_px == 1870
    assert half.baseline_m == pytest.approx(0.16)
    assert half.cx_offset_px == pytest.approx(-135)


@pytest.mark.samples
def test_real_samples():
    folder = find_samples()
    if folder is None:
        pytest.skip('the sample images are missing: install opencv-doc, or run the demo, which '
                    'fetches them')
    left, right = read_image(folder / 'aloeL.jpg'), read_image(folder / 'aloeR.jpg')
    assert left.shape == right.shape == (1110, 1282, 3)
    disparity = read_disparity(folder / 'aloeGT.png', scale=1)
    assert disparity.shape == (1110, 1282)
    assert 10 < np.nanmin(disparity) < np.nanmax(disparity) < 255
    assert np.isfinite(disparity).mean() > 0.8
    assert read_image(folder / 'rubberwhale1.png').shape == (388, 584, 3)
