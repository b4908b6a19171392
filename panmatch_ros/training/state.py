"""What a training needs to go on: weights, averages, optimiser, time."""
import copy
from dataclasses import dataclass, field
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..core.errors import FormatError
from ..models.nano import Nano
from .config import TrainingConfig

FORMAT = 'panmatch_ros training 1'
MAY_CHANGE = ('minutes', 'device', 'processes', 'precision', 'validate_minutes',
              'validation_pairs')


@dataclass
class Progress:
    """
    How far a training is.

    :param seconds: of training so far, over all runs.
    :param step: optimiser steps so far.
    :param rendered: pairs that each process has rendered.
    :param runs: how often it was started.
    :param best: lowest score of a validation.
    :param history: validations, oldest first.
    """

    seconds: float = 0.0
    step: int = 0
    rendered: int = 0
    runs: int = 0
    best: float = float('inf')
    history: list[dict[str, float]] = field(default_factory=list)


class Averaged:
    """
    Exponential moving average of the weights and of the statistics of the normalisation.

    :param model: what is averaged.
    :param decay: per step; lower in the first steps.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move a little towards the weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine, theirs = list(self.model.parameters()), list(model.parameters())
        torch._foreach_lerp_(mine, [each.detach() for each in theirs], 1 - decay)
        for own, other in zip(self.model.buffers(), model.buffers(), strict=True):
            if own.is_floating_point():
                own.lerp_(other, 1 - decay)
            else:
                own.copy_(other)


@dataclass
class TrainingState:
    """All that is saved."""

    config: TrainingConfig
    model: Nano
    averaged: Averaged
    optimizer: torch.optim.Optimizer
    progress: Progress

    def save(self, path: Path) -> None:
        """Write a file that :meth:`load` continues from; never a half-written one."""
        values: dict[str, Any] = {
            'format': FORMAT, 'network': self.config.network.to_dict(),
            'config': self.config.to_dict(), 'model': self.model.state_dict(),
            'averaged': self.averaged.model.state_dict(),
            'optimizer': self.optimizer.state_dict(), 'progress': vars(self.progress)}
        temporary = path.with_name(path.name + '.part')
        torch.save(values, temporary)
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """
        Continue from a file of :meth:`save`.

        :raises FormatError: if the file is no such file, or of another network.
        :raises OSError: if it cannot be read.
        """
        try:
            values = torch.load(path, map_location='cpu', weights_only=True)
        except OSError:
            raise
        except Exception as error:
            raise FormatError(f'{path} is not a training state: {error}') from error
        if not isinstance(values, dict) or values.get('format') != FORMAT:
            raise FormatError(f'{path} is not a training state of this package')
        if values.get('network') != self.config.network.to_dict():
            raise FormatError(f'{path} is of another network than the recipe; train in another '
                              'folder, or give that recipe')
        self._check_recipe(path, values.get('config'))
        try:
            self.model.load_state_dict(values['model'])
            self.averaged.model.load_state_dict(values['averaged'])
            self.optimizer.load_state_dict(values['optimizer'])
            self.progress = Progress(**values['progress'])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FormatError(f'{path} is damaged: {error}') from error

    def _check_recipe(self, path: Path, stored: Any) -> None:
        """Refuse to go on by another recipe; only how long and on what may change."""
        mine = self.config.to_dict()
        other = stored if isinstance(stored, dict) else {}
        changed = sorted(name for name, value in mine.items()
                         if name not in MAY_CHANGE and other.get(name) != value)
        if changed:
            raise FormatError(f'{path} was trained with other {", ".join(changed)}; train in '
                              'another folder, with --init to start from its weights')
