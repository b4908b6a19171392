"""Tables of ``panmatch probe``."""
from collections.abc import Sequence
import math

from ..evaluation.robustness.curves import (
    UNDAMAGED,
    Condition,
    Robustness,
    right_metric,
    robustness_of,
)
from ..evaluation.robustness.probe_page import mean_kept
from ..evaluation.score_metrics import LESS, main_metric
from .evaluate_report import align


def describe_conditions(conditions: Sequence[Condition]) -> str:
    """
    Write two tables for each task: what is right, and the mean error, by strength.

    :param conditions: all of a probe.
    """
    parts = []
    for task in dict.fromkeys(each.task for each in conditions):
        mine = [each for each in conditions if each.task == task]
        robustness = robustness_of(mine)
        right = right_metric(task)
        share = f'100 - {right.title}' if right.better == LESS else right.title
        pairs = mine[0].pairs
        parts += [f'{task}, {pairs} pair{"" if pairs == 1 else "s"}: right ({share}) by strength',
                  _table(mine, robustness, 'right_percent', 1, 'kept %'),
                  f'\n{task}: mean {main_metric(task).title} by strength',
                  _table(mine, robustness, 'error', 3, 'ratio'), '']
    return '\n'.join(parts[:-1])


def _table(conditions: Sequence[Condition], robustness: Sequence[Robustness], name: str,
           digits: int, last: str) -> str:
    strengths = sorted({each.strength for each in conditions})
    values = {(each.corruption, each.matcher, each.strength): getattr(each, name)
              for each in conditions}
    rows = [['corruption', 'matcher', *(f'{strength:g}' for strength in strengths), last]]
    for each in robustness:
        whole = values[UNDAMAGED, each.matcher, 0]
        cells = [_number(whole, digits)] + [
            _number(values.get((each.corruption, each.matcher, strength), math.nan), digits)
            for strength in strengths if strength > 0]
        kept = each.kept_percent if name == 'right_percent' else each.error_ratio
        rows.append([each.corruption, each.matcher, *cells,
                     _number(kept, 1 if name == 'right_percent' else 2)])
    if name == 'right_percent' and len({each.corruption for each in robustness}) > 1:
        rows += [['mean of all', matcher, *[''] * len(strengths),
                  _number(mean_kept(robustness, matcher), 1)]
                 for matcher in dict.fromkeys(each.matcher for each in robustness)]
    return align(rows, words=2)


def _number(value: float, digits: int) -> str:
    return f'{value:.{digits}f}' if math.isfinite(value) else '-'
