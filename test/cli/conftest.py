"""Small images of known disparity and flow, and a way to run the command in this process."""
from collections import namedtuple

import cv2
import numpy as np
import pytest

from panmatch_ros.cli import doctor_probe, doctor_ros, doctor_system
from panmatch_ros.cli.main import main

Result = namedtuple('Result', 'status out err')
HEIGHT, WIDTH = 96, 160
DISPARITY = 8
FLOW = (3, -2)


@pytest.fixture
def panmatch(capsys):
    def run(*arguments):
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)
    return run


def texture(height, width):
    noise = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


def write_stereo(folder, names=('left.png', 'right.png'), size=(HEIGHT, WIDTH)):
    """Write a pair whose disparity is DISPARITY everywhere; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = texture(size[0], size[1] + DISPARITY)
    cv2.imwrite(str(folder / names[0]), whole[:, :size[1]])
    cv2.imwrite(str(folder / names[1]), whole[:, DISPARITY:])
    return folder / names[0], folder / names[1]


def write_flow_pair(folder, names=('img0.png', 'img1.png')):
    """Write a pair whose flow is FLOW everywhere; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    margin = 8
    whole = texture(HEIGHT + 2 * margin, WIDTH + 2 * margin)
    for name, (x, y) in zip(names, ((margin, margin), (margin - FLOW[0], margin - FLOW[1])),
                            strict=True):
        cv2.imwrite(str(folder / name), whole[y:y + HEIGHT, x:x + WIDTH])
    return folder / names[0], folder / names[1]


@pytest.fixture
def make_stereo():
    return write_stereo


@pytest.fixture
def make_flow():
    return write_flow_pair


@pytest.fixture
def stereo_pair(tmp_path):
    return write_stereo(tmp_path / 'stereo')


@pytest.fixture
def flow_pair(tmp_path):
    return write_flow_pair(tmp_path / 'flow')


@pytest.fixture
def answers(monkeypatch):
    """Pretend that probes answer this, and that everything is installed."""
    def pretend(works, text, installed=True):
        for module in (doctor_probe, doctor_ros, doctor_system):
            monkeypatch.setattr(module, 'probe', lambda *_: (works, text), raising=False)
            monkeypatch.setattr(module, 'is_installed', lambda _: installed, raising=False)
    return pretend
