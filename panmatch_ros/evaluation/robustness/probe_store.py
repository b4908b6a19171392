"""The numbers of a probe, kept damage by damage, so that a long run can go on."""
from collections.abc import Sequence
from functools import cache
import hashlib
import json
import math
import os
from pathlib import Path

from ...data.sample import Sample
from ..contender import Contender
from ..pair_score import PairScore
from ..prediction import key_digest
from .corruptions.damage import Damage

_CODE = ('data/**/*.py', 'evaluation/robustness/corruptions/*.py', 'evaluation/metrics/*.py',
         'evaluation/score*.py', 'evaluation/predict.py')
_DAMAGED = (OSError, ValueError, KeyError, TypeError)


class ProbeStore:
    """
    Scores by damage, one file for each.

    :param folder: need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, damage: Damage) -> Path:
        """Tell where the scores of a damage are."""
        name = 'none' if damage.strength == 0 else f'{damage.corruption}-{damage.strength:g}'
        return self.folder / f'{name}.json'

    def read(self, damage: Damage, digest: str) -> tuple[PairScore, ...] | None:
        """
        Give the scores of an earlier run.

        :returns: None if there are none, they depend on something else, or the file is damaged.
        """
        try:
            values = json.loads(self.path(damage).read_text(encoding='utf-8'))
            if values['digest'] != digest:
                return None
            return tuple(_score(each) for each in values['scores'])
        except _DAMAGED:
            return None

    def write(self, damage: Damage, digest: str, scores: Sequence[PairScore]) -> None:
        """Keep scores, at once or not at all."""
        path = self.path(damage)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f'.{path.name}.part')
        text = json.dumps({'digest': digest, 'scores': [_plain(score) for score in scores]},
                          allow_nan=False)
        partial.write_text(text + '\n', encoding='utf-8')
        os.replace(partial, path)


def probe_digest(samples: Sequence[Sample], contenders: Sequence[Contender],
                 damage: Damage) -> str:
    """
    Put into one text all that the scores of a damage depend on.

    The files of the truth are not looked at: only the dataset knows them.

    :raises OSError: if an image does not exist.
    """
    return key_digest({
        'damage': dict(damage.key()), 'code': _code_digest(),
        'matchers': [[contender.name, dict(contender.identity)] for contender in contenders],
        'pairs': [[sample.dataset, sample.name, sample.task, _stamp(sample.image0),
                   _stamp(sample.image1)] for sample in samples]})


@cache
def _code_digest() -> str:
    """SHA-256 of the code that reads, damages and scores."""
    package, digest = Path(__file__).parents[2], hashlib.sha256()
    for pattern in _CODE:
        for path in sorted(package.glob(pattern)):
            digest.update(f'{path.relative_to(package)}\n'.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _stamp(path: Path) -> list[object]:
    state = path.stat()
    return [str(path.resolve()), state.st_size, state.st_mtime_ns]


def _plain(score: PairScore) -> dict[str, object]:
    return {'pair': score.pair, 'task': score.task, 'matcher': score.matcher,
            'size': list(score.size), 'error': score.error,
            'milliseconds': _number(score.milliseconds), 'truth_note': score.truth_note,
            'numbers': {name: _number(value) for name, value in score.numbers.items()}}


def _number(value: float) -> float | str:
    """JSON has no NaN and no infinity."""
    return float(value) if math.isfinite(value) else repr(float(value))


def _score(values: dict) -> PairScore:
    height, width = values['size']
    return PairScore(
        values['pair'], values['task'], values['matcher'], (height, width),
        {name: float(value) for name, value in values['numbers'].items()},
        float(values['milliseconds']), truth_note=values['truth_note'], error=values['error'])
