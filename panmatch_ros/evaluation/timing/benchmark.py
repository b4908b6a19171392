"""Measure matchers side by side: time, memory, and how far their forms agree."""
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...data.synthetic.generator import SceneRecipe, generate_pair
from .case import Case, Cost, Finished, Loaded, Row, compare_results
from .process import CaseFailedError, CaseProcess

BASELINE = 'classical'
SEED = 7         # of the images: texture everywhere, some objects before it
TEXTURES = 24    # to draw from; more take longer to make
DISPARITY_SHARE = 1 / 8  # of the width: largest disparity
Pair = tuple[np.ndarray, np.ndarray]


class Runner(Protocol):
    """What measures a case; in use it is :class:`~.process.CaseProcess`."""

    def load(self) -> Loaded:
        """Make the matcher."""

    def run(self) -> Cost:
        """Call it once."""

    def finish(self) -> Finished:
        """Tell the rest."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Rounds:
    """
    How often each case is called.

    :param repeat: calls that count.
    :param warmup: calls before them that do not.
    """

    repeat: int
    warmup: int


Start = Callable[[Case, Pair], Runner]


def benchmark_images(task: str, size: tuple[int, int]) -> Pair:
    """
    Make a pair with texture; the same bits for the same arguments.

    :param task: 'stereo': a rectified pair; 'flow': layers in motion.
    :param size: (height, width), pixels.
    :returns: two images (H, W, 3) uint8 RGB.
    :raises ConfigError: if the size is below 32 x 32 pixels.
    """
    height, width = size
    recipe = SceneRecipe(height=height, width=width, max_disparity=width * DISPARITY_SHARE,
                         stereo_share=1.0 if task == 'stereo' else 0.0, layered_share=1.0,
                         photometric_share=0.0, pool_size=TEXTURES)
    pair = generate_pair(recipe, SEED, 0)
    return pair.image0, pair.image1


def measure(cases: Sequence[Case], images: Pair, rounds: Rounds,
            start: Start = CaseProcess) -> list[Row]:
    """
    Measure cases side by side.

    All are loaded, one after the other; then they are called in turn, so that whatever else
    the machine does hits all alike. A case that fails has its reason and the others go on.

    :param cases: of one task and size.
    :param images: the pair.
    :param rounds: how often each is called.
    :param start: makes what measures a case.
    :returns: a row for each case, in the same order.
    """
    rows = [Row(case) for case in cases]
    with ExitStack() as stack:
        runners: list[tuple[Row, Runner]] = []
        for row in rows:
            with _noted(row):
                runner = stack.enter_context(closing(start(row.case, images)))
                row.loaded = runner.load()
                runners.append((row, runner))
        call_in_turn(runners, rounds)
        for row, runner in runners:
            if not row.error:
                with _noted(row):
                    row.finished = runner.finish()
    _add_ratios(rows)
    _add_parity(rows, images, start)
    return rows


def call_in_turn(runners: Sequence[tuple[Row, Runner]], rounds: Rounds) -> None:
    """
    Call each once, then each once again, and so on; one that fails is left out from there on.

    :param runners: what is loaded, and the rows that take the costs.
    :param rounds: how often.
    """
    for index in range(rounds.warmup + rounds.repeat):
        for row, runner in runners:
            if row.error:
                continue
            with _noted(row):
                cost = runner.run()
                (row.warmup if index < rounds.warmup else row.costs).append(cost)
            if row.error:
                runner.close()  # its memory may be what the others need


def _add_ratios(rows: Sequence[Row]) -> None:
    baseline = next((row for row in rows if row.case.matcher == BASELINE and not row.case.stream
                     and not row.error), None)
    if baseline is None or not baseline.costs:
        return
    for row in rows:
        if not row.error:
            row.ratio = row.median_s / baseline.median_s


def _add_parity(rows: Sequence[Row], images: Pair, start: Start) -> None:
    """Compare with the references; one that is not among the rows is called once for it."""
    results = {row.case: row.finished.result for row in rows if row.finished is not None}
    for row in rows:
        reference = row.case.reference()
        result = results.get(row.case)
        if result is None or reference == row.case:
            continue
        if reference not in results:
            results[reference] = _result_of(reference, images, start)
        expected = results[reference]
        if expected is not None:
            row.parity = compare_results(result, expected)


def _result_of(case: Case, images: Pair, start: Start) -> np.ndarray | None:
    row = Row(case)
    with _noted(row), closing(start(case, images)) as runner:
        runner.load()
        runner.run()
        return runner.finish().result
    return None


@contextmanager
def _noted(row: Row) -> Iterator[None]:
    """Note in the row why something fails."""
    try:
        yield
    except CaseFailedError as error:
        row.error = str(error)
