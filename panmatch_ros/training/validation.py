"""How good a network is on scenes that it was not trained with."""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ..data.synthetic.generator import TrainingPair, generate_pair
from ..data.synthetic.pools import HELD_OUT_POOL_SEED
from ..models.nano import Nano
from .batch import collate
from .config import TrainingConfig

SEED_OFFSET = 1_000_003  # apart from all seeds of training


def held_out_pairs(config: TrainingConfig) -> list[TrainingPair]:
    """Scenes of the last phase under a seed of their own, of textures that no training shows."""
    scenes = replace(config.phases[-1].scenes, pool_seed=HELD_OUT_POOL_SEED)
    seed = config.seed + SEED_OFFSET
    return [generate_pair(scenes, seed, index) for index in range(config.validation_pairs)]


@torch.no_grad()
def validate(model: Nano, pairs: Sequence[TrainingPair]) -> dict[str, float]:
    """
    Score a network.

    :param model: in evaluation mode.
    :returns: ``flow_epe`` and ``stereo_epe`` (median over the pairs of the mean error, pixels),
        ``flow_bad3``, ``stereo_bad2``, ``flow_bad1``, ``stereo_bad1`` (share of pixels, percent,
        mean over the pairs), the same with ``_visible`` for pixels that are not hidden, and
        ``confidence_error`` (difference of mean confidence and share of right pixels of a pair,
        mean over the pairs).
    """
    device = next(model.parameters()).device
    rows: list[dict[str, float]] = []
    for pair in pairs:
        batch = collate([pair], 0)
        flow, confidence = model(batch.image0.to(device), batch.image1.to(device),
                                 pair.rectified)
        error = (flow.cpu() - batch.flow).square().sum(1, keepdim=True).sqrt().numpy()
        rows.append(_score(pair, error[0, 0], confidence.cpu().numpy()[0, 0]))
    summary = {}
    for name in sorted({name for row in rows for name in row}):
        values = [row[name] for row in rows if name in row]
        summary[name] = float((np.median if name.endswith('epe') else np.mean)(values))
    return summary


def score_of(metrics: dict[str, float]) -> float:
    """One number to choose the best weights by: lower is better; infinity if any is not one."""
    if not metrics or not np.isfinite(list(metrics.values())).all():
        return float('inf')
    names = ('flow_bad3', 'stereo_bad2')
    return float(np.mean([metrics[name] for name in names if name in metrics] or [np.inf]))


def _score(pair: TrainingPair, error: np.ndarray, confidence: np.ndarray) -> dict[str, float]:
    task, bad_px = ('stereo', 2) if pair.rectified else ('flow', 3)
    bad, visible = ~(error <= bad_px), ~pair.occlusion  # not a number is bad
    scores = {f'{task}_epe': float(error.mean()),
              f'{task}_bad{bad_px}': 100 * float(bad.mean()),
              f'{task}_bad1': 100 * float((~(error <= 1)).mean()),
              'confidence_error': abs(float(confidence.mean() - (error < 1).mean()))}
    if visible.any():
        scores[f'{task}_epe_visible'] = float(error[visible].mean())
        scores[f'{task}_bad{bad_px}_visible'] = 100 * float(bad[visible].mean())
    return scores


