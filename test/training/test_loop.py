"""The training loop: resuming, saving, several processes, interruption."""
import math
import multiprocessing
import os
import signal
import threading
import time

import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from training_steps import two_steps  # noqa: E402

from panmatch_ros.checkpoints.nano_weights import load_nano  # noqa: E402
from panmatch_ros.core.errors import ConfigError, FormatError  # noqa: E402
from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_pair  # noqa: E402
from panmatch_ros.models.nano import Nano  # noqa: E402
from panmatch_ros.models.nano_config import NanoConfig  # noqa: E402
from panmatch_ros.training import loop  # noqa: E402
from panmatch_ros.training.config import TrainingConfig  # noqa: E402
from panmatch_ros.training.curves import append_row, read_rows  # noqa: E402
from panmatch_ros.training.loop import Trainer  # noqa: E402
from panmatch_ros.training.processes import train  # noqa: E402
from panmatch_ros.training.validation import score_of, validate  # noqa: E402

SMALL = {'channels': [8, 16, 16, 16], 'blocks': [1, 1, 1], 'match_dim': 16,
         'hidden': [16, 16, 16], 'disparity_levels': 16, 'volume_dim': 8}


def recipe(**values):
    scenes = {'height': 64, 'width': 64, 'pool_size': 20, 'motion_scale': 0.5,
              'max_disparity': 16}
    return TrainingConfig.from_dict({
        'minutes': 0.05, 'seed': 3, 'device': 'cpu', 'precision': 'fp32',
        'validation_pairs': 2, 'network': SMALL,
        'phases': [{'batch': 2, 'pool': 4, 'fresh': 0.5, 'scenes': scenes}], **values})


def test_a_training_leaves_states_weights_and_curves(tmp_path, monkeypatch):
    reports = []
    monkeypatch.setattr(loop, 'CURVE_STEPS', 1)
    progress = train(recipe(), tmp_path, report=lambda *each: reports.append(each))
    assert len(reports) == progress.step >= 1
    assert progress.seconds >= 3
    _, notes = load_nano(tmp_path / 'best.safetensors')
    assert notes['steps'] == progress.step
    assert TrainingConfig.from_dict(notes['recipe']) == recipe()
    assert notes['validation'] == progress.history[-1]
    rows = read_rows(tmp_path / 'validation.csv')
    assert len(rows) == 1
    assert rows[0]['stereo_epe' if 'stereo_epe' in rows[0] else 'flow_epe'] > 0
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
    assert all(torch.equal(weights[name], each)
               for name, each in state.averaged.model.state_dict().items())
    moments = state.optimizer.state_dict()['state']
    assert any(each['exp_avg'].any() for each in moments.values())
    second = train(recipe(minutes=1), tmp_path, stop_after_s=0.5)
    assert second.step > first.step
    assert second.rendered > first.rendered
    assert second.runs == 2


def test_a_finished_training_stays_as_it_is(tmp_path):
    first = train(recipe(), tmp_path)
    curve = (tmp_path / 'validation.csv').read_text()
    assert train(recipe(), tmp_path).step == first.step
    assert (tmp_path / 'validation.csv').read_text() == curve
    assert train(recipe(minutes=0.1), tmp_path, stop_after_s=0.1).step > first.step


def test_another_recipe_does_not_go_on(tmp_path):
    train(recipe(minutes=1), tmp_path, stop_after_s=0.1)
    with pytest.raises(FormatError, match='was trained with other learning_rate, seed'):
        train(recipe(minutes=1, seed=4, learning_rate=0.1), tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    other = Nano(NanoConfig.from_dict({**SMALL, 'volume_dim': 16}))
    with pytest.raises(ConfigError, match='are of another network'):
        Trainer(recipe(), tmp_path, init=other)


def test_numbers_that_are_none_change_nothing(tmp_path):
    trainer = Trainer(recipe(), tmp_path)
    trainer.step(0.1)
    before = {name: each.clone() for name, each in trainer.state.model.state_dict().items()}
    batch = trainer._batch(0)
    batch.image0[0, 0, 0, 0] = float('nan')
    trainer._batch = lambda _: batch
    assert not math.isfinite(trainer.step(0.1)['total'])
    for state in (trainer.state.model, trainer.state.averaged.model):
        assert all(torch.isfinite(each).all() for each in state.state_dict().values())
    assert all(torch.equal(each, before[name])
               for name, each in trainer.state.model.state_dict().items())


def test_a_network_that_gives_no_numbers_is_never_the_best():
    pair = generate_pair(SceneRecipe(height=64, width=64, pool_size=20, stereo_share=0), 1, 0)
    model = Nano(NanoConfig.from_dict(SMALL)).eval()
    good = validate(model, [pair])
    assert score_of(good) == good['flow_bad3'] < math.inf
    model.encoder.stem.norm.running_mean.fill_(float('nan'))
    bad = validate(model, [pair])
    assert bad['flow_bad3'] == 100
    assert score_of(bad) == math.inf


def test_weights_to_start_from_are_used(tmp_path):
    train(recipe(), tmp_path / 'a', stop_after_s=0.1)
    model, _ = load_nano(tmp_path / 'a' / 'last.safetensors')
    trainer = Trainer(recipe(seed=99), tmp_path / 'b', init=model)
    assert all(torch.equal(each, model.state_dict()[name])
               for name, each in trainer.state.model.state_dict().items())


def test_two_processes_take_the_same_steps(tmp_path):
    context = multiprocessing.get_context('spawn')
    address, config = f'file://{tmp_path}/meeting', recipe(processes=2)
    others = context.Process(target=two_steps, args=(1, address, tmp_path, config), daemon=True)
    others.start()
    try:
        two_steps(0, address, tmp_path, config)
        others.join(60)
    finally:
        others.kill()
    one, other = (torch.load(tmp_path / f'{rank}.pt', weights_only=True) for rank in (0, 1))
    assert not torch.equal(one['first'], other['first'])  # each has its own scenes
    parameters = [name for name, _ in Nano(NanoConfig.from_dict(SMALL)).named_parameters()]
    assert all(torch.equal(one[name], other[name]) for name in parameters)


def test_two_processes_train_together(tmp_path):
    progress = train(recipe(processes=2, minutes=1), tmp_path, stop_after_s=1)
    assert progress.step >= 1
    assert not (tmp_path / 'rendezvous').exists()
    assert load_nano(tmp_path / 'last.safetensors')[1]['steps'] == progress.step


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
