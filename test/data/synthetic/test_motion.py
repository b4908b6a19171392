import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.core.pixels import warp
from panmatch_ros.data.synthetic import FlowSequence, render_flow_sequence

SIZE = (96, 128)


@pytest.fixture(scope='module')
def sequence():
    return render_flow_sequence(SIZE, 3, seed=4)


def test_form(sequence):
    frames, flows, occlusions = sequence
    assert isinstance(sequence, FlowSequence)
    assert (len(frames), len(flows), len(occlusions)) == (3, 2, 2)
    for frame in frames:
        assert (frame.shape, frame.dtype) == ((*SIZE, 3), np.uint8)
    for flow, occlusion in zip(flows, occlusions, strict=True):
        assert (flow.shape, flow.dtype) == ((*SIZE, 2), np.float32)
        assert (occlusion.shape, occlusion.dtype) == (SIZE, bool)
        assert np.isfinite(flow).all()


@pytest.mark.parametrize('index', [0, 1])
def test_the_next_frame_warped_by_the_flow_is_this_one(sequence, index):
    flow, occlusion = sequence.flows[index], sequence.occlusions[index]
    warped = warp(sequence.frames[index + 1], flow)
    error = np.abs(warped - sequence.frames[index]).mean(axis=-1)
    seen = ~occlusion
    assert np.isfinite(error[seen]).all()
    assert np.mean(error[seen]) < 2.5      # borders of shapes mix with what is below
    assert np.median(error[seen]) < 0.8
    unmoved = np.abs(sequence.frames[index + 1].astype(float) - sequence.frames[index])
    assert unmoved.mean(axis=-1)[seen].mean() > 6


def test_occluded_points_look_different(sequence):
    warped = warp(sequence.frames[1], sequence.flows[0])
    error = np.abs(warped - sequence.frames[0]).mean(axis=-1)
    hidden = sequence.occlusions[0] & np.isfinite(error)
    assert hidden.sum() > 20
    assert error[hidden].mean() > 10


def test_what_leaves_the_image_is_occluded(sequence):
    y, x = np.mgrid[:SIZE[0], :SIZE[1]]
    target_x, target_y = x + sequence.flows[0][..., 0], y + sequence.flows[0][..., 1]
    outside = ((target_x < -1e-3) | (target_x > SIZE[1] - 1 + 1e-3)
               | (target_y < -1e-3) | (target_y > SIZE[0] - 1 + 1e-3))
    assert outside.any()
    assert sequence.occlusions[0][outside].all()


def test_speeds(sequence):
    speed = np.hypot(sequence.flows[0][..., 0], sequence.flows[0][..., 1])
    assert 0.5 < speed.max() < 0.08 * SIZE[1]
    assert len(np.unique(np.round(speed, 2))) > 20


def test_the_motion_repeats():
    sequence = render_flow_sequence((12, 16), 26)
    for frame in (0, 1):
        difference = sequence.frames[frame + 24].astype(int) - sequence.frames[frame]
        assert np.abs(difference).max() <= 1
    assert np.allclose(sequence.flows[24], sequence.flows[0], atol=1e-4)


def test_the_seed_chooses_the_sequence():
    frames = [render_flow_sequence((24, 32), 1, seed).frames[0] for seed in (0, 0, 1)]
    assert np.array_equal(frames[0], frames[1])
    assert np.abs(frames[0].astype(int) - frames[2]).mean() > 20


def test_one_frame_has_no_flow():
    sequence = render_flow_sequence((8, 9), 1)
    assert len(sequence.frames) == 1
    assert sequence.flows == []
    assert sequence.occlusions == []


def test_bad_options():
    with pytest.raises(ConfigError, match='at least one frame, got 0'):
        render_flow_sequence(SIZE, 0)
    with pytest.raises(ConfigError, match='size must be positive'):
        render_flow_sequence((0, 5), 2)
