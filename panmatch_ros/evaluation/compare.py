"""Several matchers on one pair, with what they made of it."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..core.errors import PanMatchError
from ..inference.matcher import Matcher
from .evaluate import Example, PairScore, Result, run_matcher, score_result


@dataclass(frozen=True)
class Comparison:
    """
    One pair and several matchers.

    :param name: of the pair.
    :param task: ``stereo`` or ``flow``.
    :param scores: one for each matcher, in the order they were given.
    :param example: images and truth; None if they cannot be read.
    :param results: by the label of the matcher; without those that failed.
    """

    name: str
    task: str
    scores: tuple[PairScore, ...]
    example: Example | None = None
    results: Mapping[str, Result] = field(default_factory=dict)


def compare(name: str, task: str, load: Callable[[], Example],
            matchers: Mapping[str, Matcher]) -> Comparison:
    """
    Match one pair with several matchers, and score the results if the truth is known.

    :param name: of the pair.
    :param task: ``stereo`` or ``flow``.
    :param load: reads the pair.
    :param matchers: by the label that the results call them by.
    :returns: the comparison; scores have ``error`` where the files or a matcher fail in a known
        way.
    """
    try:
        example = replace(load(), name=name, task=task)
    except (PanMatchError, OSError) as error:
        return Comparison(name, task, tuple(
            PairScore(name, task, label, error=str(error)) for label in matchers))
    scores, results = [], {}
    for label, matcher in matchers.items():
        try:
            result = run_matcher(matcher, example)
            scores.append(score_result(result, label, example))
        except (PanMatchError, OSError) as error:
            scores.append(PairScore(name, task, label, error=str(error)))
        else:
            results[label] = result
    return Comparison(name, task, tuple(scores), example, results)
