"""Start a training: in this process, or in several that share their gradients."""
from pathlib import Path
import signal
from typing import Any

import torch
import torch.distributed as dist

from ..core.errors import ConfigError
from ..models.nano import Nano
from .config import TrainingConfig
from .loop import Report, Trainer, device_of
from .state import Progress

RENDEZVOUS = 'rendezvous'
JOIN_S = 60.0


def train(config: TrainingConfig, folder: Path, stop_after_s: float = 0.0,
          init: Nano | None = None, report: Report | None = None) -> Progress:
    """
    Train by a recipe, or go on where a training in this folder stopped.

    :param config: the recipe.
    :param folder: is made; holds ``last.pt`` (to go on from), ``best.safetensors`` and
        ``last.safetensors`` (averaged weights), ``curve.csv`` and ``validation.csv``.
    :param stop_after_s: end this run after so many seconds; 0 ends with the schedule.
    :param init: network whose weights to start from, if there is no state in the folder.
    :param report: called every few steps.
    :returns: how far the training is.
    :raises PanMatchError: if the state in the folder does not fit the recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if config.processes == 1:
        return _run(0, config, folder, stop_after_s, init, report)
    if device_of(config).type != 'cpu':
        raise ConfigError('several processes are for CPUs; set processes to 1')
    context = torch.multiprocessing.get_context('spawn')
    address = f'file://{(folder / RENDEZVOUS).resolve()}'
    (folder / RENDEZVOUS).unlink(missing_ok=True)
    threads = torch.get_num_threads()
    others = [context.Process(target=_join, daemon=True,
                              args=(rank, address, config, folder, stop_after_s, init))
              for rank in range(1, config.processes)]
    for each in others:
        each.start()
    try:
        progress = _join(0, address, config, folder, stop_after_s, init, report)
        for each in others:
            each.join(JOIN_S)
        return progress
    finally:
        for each in others:
            each.kill()  # one that waits for a process which failed would wait forever
            each.join()
        (folder / RENDEZVOUS).unlink(missing_ok=True)
        torch.set_num_threads(threads)


def _join(rank: int, address: str, config: TrainingConfig, folder: Path, stop_after_s: float,
          init: Nano | None, report: Report | None = None) -> Progress:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=address, rank=rank,
                            world_size=config.processes)
    try:
        return _run(rank, config, folder, stop_after_s, init, report)
    finally:
        dist.destroy_process_group()


def _run(rank: int, config: TrainingConfig, folder: Path, stop_after_s: float,
         init: Nano | None, report: Report | None) -> Progress:
    trainer = Trainer(config, folder, rank, stop_after_s, init)

    def interrupt(*_: Any) -> None:
        trainer.interrupted = True

    previous = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        return trainer.run(report)
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
