"""Where a training is in its time, and the learning rate there."""
from collections.abc import Sequence
import math

from .config import Phase, TrainingConfig

LAST_FACTOR = 0.01  # of the learning rate, at the end


def learning_rate(config: TrainingConfig, progress: float) -> float:
    """
    Rise linearly, then fall as a cosine.

    :param progress: share of the time that is over, 0 to 1.
    """
    if progress < config.warmup:
        return config.learning_rate * max(progress / config.warmup, 1e-3)
    rest = (progress - config.warmup) / max(1 - config.warmup, 1e-9)
    factor = LAST_FACTOR + (1 - LAST_FACTOR) * 0.5 * (1 + math.cos(math.pi * min(rest, 1)))
    return config.learning_rate * factor


def phase_at(phases: Sequence[Phase], progress: float) -> int:
    """Tell the number of the phase at a share of the time."""
    end = 0.0
    for index, phase in enumerate(phases):
        end += phase.share
        if progress < end:
            return index
    return len(phases) - 1
