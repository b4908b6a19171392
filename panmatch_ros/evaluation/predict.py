"""Step 1 of an evaluation: match every pair and keep what comes out; one pair in memory."""
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
import time

import numpy as np

from ..core.errors import FormatError, PanMatchError
from ..data.images import read_image
from ..data.sample import Sample
from ..inference.matcher import Matcher
from ..inference.unequal_sizes import match_any_sizes
from .contender import Contender
from .prediction import Prediction, key_digest, read_prediction, write_prediction
from .run_folder import RunFolder


@dataclass(frozen=True)
class Outcome:
    """
    What became of one pair with one matcher.

    :param pair: name of the pair.
    :param task: of the pair.
    :param matcher: label of the matcher.
    :param milliseconds: time of the call of the matcher; that of the earlier run if it was kept.
    :param is_reused: whether a prediction of an earlier run was there.
    :param note: what was wrong with a file of an earlier run; empty if nothing.
    :param error: why there is no prediction; empty if there is one.
    """

    pair: str
    task: str
    matcher: str
    milliseconds: float = 0.0
    is_reused: bool = False
    note: str = ''
    error: str = ''


def matcher_task(task: str) -> str:
    """
    Tell what a matcher does for a pair: 'stereo' or 'flow'.

    :param task: of the pair; poses, homographies and points are found by flow.
    """
    return 'stereo' if task == 'stereo' else 'flow'


def labels_of(contenders: Iterable[Contender], task: str) -> list[str]:
    """
    Name the matchers as the results of a task do.

    :param task: of the pairs.
    """
    return [contender.label(matcher_task(task)) for contender in contenders]


def predict_pairs(samples: Sequence[Sample], contenders: Sequence[Contender], folder: RunFolder,
                  fresh: bool = False,
                  report: Callable[[Sequence[Outcome]], None] | None = None) -> list[Outcome]:
    """
    Match all pairs with all matchers; what an earlier run has left is not done again.

    A prediction is used again if the matcher, its options and weights, the code of this package
    and the files of both images are the same. Pairs whose files cannot be used, and those that
    a matcher fails on in a known way, are told and do not stop the others.

    :param folder: where predictions are kept.
    :param fresh: match all pairs, whatever is there.
    :param report: told the outcomes of each pair when it is done.
    :returns: what failed.
    """
    failed = []
    for sample in samples:
        outcomes = predict_pair(sample, contenders, folder, fresh)
        failed += [outcome for outcome in outcomes if outcome.error]
        if report:
            report(outcomes)
    return failed


def predict_pair(sample: Sample, contenders: Iterable[Contender], folder: RunFolder,
                 fresh: bool = False) -> list[Outcome]:
    """Match one pair with all matchers, see :func:`predict_pairs`."""
    images = _Images(sample)
    return [_outcome(images, contender, folder, fresh) for contender in contenders]


def predict(matcher: Matcher, task: str, image0: np.ndarray, image1: np.ndarray) -> Prediction:
    """
    Match two images, and take the time without what only the first pair of a size waits for.

    :param task: of the pair.
    :param image0: left or first image, see :class:`~..inference.matcher.Matcher`.
    :param image1: right or second image; another size only where the task is not stereo.
    :raises PanMatchError: as the matcher does.
    """
    size1 = image1.shape[0], image1.shape[1]
    matcher.prepare(matcher_task(task), (image0.shape[0], image0.shape[1]))
    start_s = time.perf_counter()
    if task == 'stereo':
        disparity = matcher.match_stereo(image0, image1)
        elapsed_ms = 1e3 * (time.perf_counter() - start_s)
        return Prediction(disparity.disparity, disparity.confidence, elapsed_ms, size1)
    found = match_any_sizes(matcher, image0, image1)
    elapsed_ms = 1e3 * (time.perf_counter() - start_s)
    return Prediction(found.flow, found.confidence, elapsed_ms, size1)


class _Images:
    """The images of a pair, read when the first matcher needs them."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self._both: tuple[np.ndarray, np.ndarray] | None = None

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        if self._both is None:
            self._both = read_image(self.sample.image0), read_image(self.sample.image1)
        return self._both

    def stamps(self) -> dict[str, object]:
        """Tell which files they are, without reading them."""
        return {name: _stamp(path) for name, path in (('image0', self.sample.image0),
                                                      ('image1', self.sample.image1))}


def _stamp(path: Path) -> list[object]:
    state = path.stat()
    return [str(path.resolve()), state.st_size, state.st_mtime_ns]


def _outcome(images: _Images, contender: Contender, folder: RunFolder, fresh: bool) -> Outcome:
    sample = images.sample
    task, note = sample.task, ''
    label = contender.label(matcher_task(task))
    path = folder.prediction(label, task, sample.name)
    try:
        digest = key_digest({'matcher': dict(contender.identity), 'task': matcher_task(task),
                             **images.stamps()})
        try:
            known = None if fresh else read_prediction(path, digest)
        except FormatError as error:
            known, note = None, f'{error}; it is computed again'
        if known is not None:
            return Outcome(sample.name, task, label, known.milliseconds, is_reused=True)
        found = predict(contender.matcher, task, *images.read())
        write_prediction(path, found, digest)
    except (PanMatchError, OSError) as error:
        with suppress(OSError):  # of a folder that cannot be written to, and says so
            path.unlink()  # what an earlier run made of it is not the result of this
        return Outcome(sample.name, task, label, note=note, error=str(error))
    return Outcome(sample.name, task, label, found.milliseconds, note=note)
