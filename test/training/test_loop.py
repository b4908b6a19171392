"""The training loop: resuming, saving, several processes, interruption."""
import multiprocessing
import os
import signal
import threading
import time

import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.checkpoints.nano_weights import load_nano  # noqa: E402
from panmatch_ros.core.errors import ConfigError, FormatError  # noqa: E402
from panmatch_ros.training.config import TrainingConfig  # noqa: E402
from panmatch_ros.training.curves import append_row, read_rows  # noqa: E402
from panmatch_ros.training.loop import Trainer  # noqa: E402
from panmatch_ros.training.processes import train  # noqa: E402

SMALL = {'channels': [8, 16, 16, 16], 'blocks': [1, 1, 1], 'match_dim': 16,
         'hidden': [16, 16, 16], 'disparity_levels': 16, 'volume_dim': 8}


def recipe(**values):
    scenes = {'height': 64, 'width': 64, 'pool_size': 20, 'motion_scale': 0.5,
              'max_disparity': 16}
    return TrainingConfig.from_dict({
        'minutes': 0.05, 'seed': 3, 'device': 'cpu', 'precision': 'fp32',
        'validation_pairs': 2, 'network': SMALL,
        'phases': [{'batch': 2, 'pool': 4, 'fresh': 0.5, 'scenes': scenes}], **values})


def test_a_training_leaves_states_weights_and_curves(tmp_path):
    reports = []
    progress = train(recipe(), tmp_path, report=lambda *each: reports.append(each))
    assert progress.step >= 1
    assert progress.seconds >= 3
    _, notes = load_nano(tmp_path / 'best.safetensors')
    assert notes['steps'] == progress.step
    assert TrainingConfig.from_dict(notes['recipe']) == recipe()
    assert notes['validation'] == progress.history[-1]
    rows = read_rows(tmp_path / 'validation.csv')
    assert len(rows) == 1
    assert rows[0]['stereo_epe' if 'stereo_epe' in rows[0] else 'flow_epe'] > 0
    if progress.step >= 20:
        assert read_rows(tmp_path / 'curve.csv')[0]['total'] > 0
        assert reports
    assert not list(tmp_path.glob('*.part'))


def test_a_training_goes_on_where_it_stopped(tmp_path):
    first = train(recipe(minutes=1), tmp_path, stop_after_s=0.5)
    weights = load_nano(tmp_path / 'last.safetensors')[0].state_dict()
    trainer = Trainer(recipe(minutes=1), tmp_path)
    state = trainer.state
    assert state.progress.step == first.step
    assert state.progress.seconds == first.seconds < 30
    assert state.progress.rendered == first.rendered
    assert state.progress.runs == 2
    assert all(torch.equal(weights[name], each)
               for name, each in state.averaged.model.state_dict().items())
    moments = state.optimizer.state_dict()['state']
    assert any(each['exp_avg'].any() for each in moments.values())
    second = train(recipe(minutes=1), tmp_path, stop_after_s=0.5)
    assert second.step > first.step
    assert second.rendered > first.rendered


def test_weights_to_start_from_are_used(tmp_path):
    train(recipe(), tmp_path / 'a', stop_after_s=0.1)
    model, _ = load_nano(tmp_path / 'a' / 'last.safetensors')
    trainer = Trainer(recipe(seed=99), tmp_path / 'b', init=model)
    assert all(torch.equal(each, model.state_dict()[name])
               for name, each in trainer.state.model.state_dict().items())


def test_two_processes_take_the_same_steps(tmp_path):
    progress = train(recipe(processes=2, minutes=1), tmp_path, stop_after_s=1)
    assert progress.step >= 1
    assert not (tmp_path / 'rendezvous').exists()
    load_nano(tmp_path / 'last.safetensors')


def test_a_process_that_fails_takes_the_others_along(tmp_path):
    def fail(*_):
        raise ValueError('as if the disk were full')

    started = time.monotonic()
    with pytest.raises(ValueError, match='disk'):
        train(recipe(processes=2, minutes=10), tmp_path, report=fail)
    assert time.monotonic() - started < 60
    assert not multiprocessing.active_children()


def test_a_signal_stops_a_training_without_a_loss(tmp_path):
    timer = threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    progress = train(recipe(minutes=10), tmp_path)
    timer.join()
    assert time.monotonic() - started < 60
    assert (tmp_path / 'interrupted.pt').exists()
    assert Trainer(recipe(minutes=10), tmp_path).state.progress.step == progress.step
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_states_of_others_are_refused(tmp_path):
    path = tmp_path / 'last.pt'
    path.write_bytes(b'no state')
    with pytest.raises(FormatError, match='is not a training state'):
        Trainer(recipe(), tmp_path)
    torch.save({'format': 'other'}, path)
    with pytest.raises(FormatError, match='is not a training state of this package'):
        Trainer(recipe(), tmp_path)
    path.unlink()
    train(recipe(), tmp_path, stop_after_s=0.1)
    other = recipe(network={**SMALL, 'volume_dim': 16})
    with pytest.raises(FormatError, match='is of another network'):
        Trainer(other, tmp_path)


def test_a_state_cannot_run_code(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f'touch {tmp_path}/ran',)

    torch.save({'format': Hostile()}, tmp_path / 'last.pt')
    with pytest.raises(FormatError, match='is not a training state'):
        Trainer(recipe(), tmp_path)
    assert not (tmp_path / 'ran').exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a CUDA device')
def test_a_missing_device_is_named():
    with pytest.raises(ConfigError, match='wants a CUDA device and there is none'):
        Trainer(recipe(device='cuda'), None)


def test_curves_keep_the_columns_of_their_first_row(tmp_path):
    path = tmp_path / 'curve.csv'
    append_row(path, {'step': 1, 'loss': 2.5})
    append_row(path, {'step': 2, 'other': 1})
    assert read_rows(path) == [{'step': 1.0, 'loss': 2.5}, {'step': 2.0}]
