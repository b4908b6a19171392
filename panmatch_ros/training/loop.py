"""The training loop: plain, resumable, by wall-clock time."""
from collections.abc import Callable
import logging
from pathlib import Path
import time
from typing import Any

import torch
import torch.distributed as dist

from ..checkpoints.nano_weights import save_nano
from ..core.errors import ConfigError
from ..models.nano import Nano
from .batch import Batch, DevicePairs, PairPool
from .config import TrainingConfig
from .curves import append_row
from .gradients import average_gradients
from .losses import loss_terms, run_network
from .schedule import learning_rate, phase_at
from .state import Averaged, Progress, TrainingState
from .validation import held_out_pairs, score_of, validate

LOG = logging.getLogger(__name__)
LAST, BEST, WEIGHTS = 'last.pt', 'best.safetensors', 'last.safetensors'
INTERRUPTED = 'interrupted.pt'
CURVE, VALIDATIONS = 'curve.csv', 'validation.csv'
SAVE_S = 120.0
CURVE_STEPS = 20

Report = Callable[[Progress, dict[str, float]], None]


class Trainer:
    """
    One process of a training.

    :param config: the recipe.
    :param folder: where states, weights and curves go; a state in it is continued.
    :param rank: number of this process.
    :param stop_after_s: seconds of this run, to end it before the schedule does; 0 does not.
    :param init: state of another training to start the weights from; ``None`` starts anew.
    """

    def __init__(self, config: TrainingConfig, folder: Path, rank: int = 0,
                 stop_after_s: float = 0.0, init: Nano | None = None) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder, self.rank = config, folder, rank
        self.stop_after_s = stop_after_s
        self.device = device_of(config)
        model = Nano(config.network)
        if init is not None:
            if init.config != config.network:
                raise ConfigError('the weights to start from are of another network than the '
                                  f'recipe: {init.config} and {config.network}')
            model.load_state_dict(init.state_dict())
        model = model.to(self.device, memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate,
                                      weight_decay=config.weight_decay, fused=True)
        self.state = TrainingState(config, model, Averaged(model, config.ema), optimizer,
                                   Progress())
        if (folder / LAST).exists():
            self.state.load(folder / LAST)
        self.interrupted = False
        self._pool: tuple[int, PairPool | DevicePairs] | None = None
        self._saved = self._validated = 0.0

    def run(self, report: Report | None = None) -> Progress:
        """
        Train until the time of the schedule or of this run is over, or a signal comes.

        :param report: called by the first process every few steps with the terms of the loss.
        """
        config, progress = self.config, self.state.progress
        whole_s = config.minutes * 60
        if progress.seconds >= whole_s:
            LOG.info('this training is finished; a longer schedule (minutes) would go on')
            return progress
        progress.runs += 1
        held_out = held_out_pairs(config) if self.rank == 0 else []
        started, offset, stop = time.monotonic(), progress.seconds, False
        self._saved = self._validated = started
        while not stop:
            terms = self.step(progress.seconds / whole_s)
            elapsed = time.monotonic() - started
            over = (offset + elapsed >= whole_s
                    or 0 < self.stop_after_s <= elapsed) and self.rank == 0
            progress.seconds, stop = self._agree(offset + elapsed, over or self.interrupted)
            if self.rank == 0:
                self._record(terms, held_out, stop, report)
        return progress

    def _record(self, terms: dict[str, float], held_out: list, stop: bool,
                report: Report | None) -> None:
        """Write curves, validate and save when it is time."""
        progress, now = self.state.progress, time.monotonic()
        if progress.step % CURVE_STEPS == 0:
            append_row(self.folder / CURVE, {'seconds': progress.seconds, 'step': progress.step,
                                             **terms})
            if report:
                report(progress, terms)
        if stop or now - self._saved > SAVE_S:
            self.save()  # before anything that takes time: a killer may be waiting
            self._saved = now
        if stop or now - self._validated > self.config.validate_minutes * 60:
            self._validate(held_out)
            self.save()
            self._saved = self._validated = time.monotonic()
        if stop:
            (self.folder / INTERRUPTED).unlink(missing_ok=True)
            if self.interrupted:
                self.state.save(self.folder / INTERRUPTED)

    def step(self, share: float) -> dict[str, float]:
        """Make one step of the optimiser; returns the terms of the loss."""
        config, state = self.config, self.state
        batch = self._batch(phase_at(config.phases, share))
        state.model.train()
        statistics = [each.clone() for each in state.model.buffers()]
        for group in state.optimizer.param_groups:
            group['lr'] = learning_rate(config, share)
        with torch.autocast(self.device.type, torch.bfloat16, config.precision == 'bf16'):
            outcome = run_network(state.model, batch)
        terms = loss_terms(state.model, outcome, batch)
        total = sum(terms.values(), torch.zeros((), device=self.device))
        state.optimizer.zero_grad(set_to_none=True)
        total.backward()
        if config.processes > 1:
            average_gradients(state.model, bool(torch.isfinite(total)))
        norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
        state.progress.step += 1
        if torch.isfinite(norm):
            state.optimizer.step()
            state.averaged.update(state.model, state.progress.step)
        else:  # forget what the batch normalisation saw, too
            for each, before in zip(state.model.buffers(), statistics, strict=True):
                each.copy_(before)
        values = {name: float(value.detach()) for name, value in terms.items()}
        return {'total': float(total.detach()), 'norm': float(norm), **values}

    def save(self) -> None:
        """Write the state and the averaged weights."""
        self.state.save(self.folder / LAST)
        save_nano(self.folder / WEIGHTS, self.state.averaged.model, self.notes())

    def notes(self) -> dict[str, Any]:
        """Gather what is kept beside weights."""
        progress = self.state.progress
        return {'recipe': self.config.to_dict(), 'steps': progress.step,
                'hours': round(progress.seconds / 3600, 3),
                'validation': progress.history[-1] if progress.history else {}}

    def _batch(self, phase: int) -> Batch:
        if self._pool is None or self._pool[0] != phase:
            self._pool = (phase, self._source(phase))
        batch = self._pool[1].next()
        self.state.progress.rendered = self._pool[1].rendered
        image0, image1 = (x.to(self.device, memory_format=torch.channels_last)
                          for x in (batch.image0, batch.image1))
        return Batch(image0, image1, batch.flow.to(self.device),
                     batch.occlusion.to(self.device), batch.rectified)

    def _source(self, phase: int) -> PairPool | DevicePairs:
        config, rendered = self.config, self.state.progress.rendered
        if self.device.type == 'cpu':
            return PairPool(config.phases[phase], config.seed, self.rank, config.processes,
                            rendered)
        return DevicePairs(config.phases[phase], config.seed, self.device, rendered)

    def _agree(self, seconds: float, over: bool) -> tuple[float, bool]:
        """All processes go by the clock of the first, and stop when any wants to."""
        if self.config.processes == 1:
            return seconds, over
        values = torch.tensor([seconds if self.rank == 0 else 0.0, float(over)],
                              dtype=torch.float64)
        dist.all_reduce(values)
        return float(values[0]), bool(values[1] > 0)

    def _validate(self, held_out: list) -> None:
        progress = self.state.progress
        metrics = validate(self.state.averaged.model.eval(), held_out)
        row = {'seconds': progress.seconds, 'step': progress.step, **metrics}
        progress.history.append(row)
        append_row(self.folder / VALIDATIONS, row)
        if score_of(metrics) < progress.best:
            progress.best = score_of(metrics)
            save_nano(self.folder / BEST, self.state.averaged.model, self.notes())
        LOG.info('after %.1f min: %s', progress.seconds / 60,
                 ', '.join(f'{name} {value:.3g}' for name, value in metrics.items()))


def device_of(config: TrainingConfig) -> torch.device:
    """
    Resolve the device of a recipe.

    :raises ConfigError: if there is no such device.
    """
    if config.device == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    if config.device == 'cuda' and not torch.cuda.is_available():
        raise ConfigError('the recipe wants a CUDA device and there is none; set device to cpu')
    return torch.device(config.device)
