"""Files for the site of a benchmark, from the predictions of ``panmatch evaluate``."""
import argparse
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from .dataset_options import Chosen

if TYPE_CHECKING:
    from ..evaluation.run_folder import RunFolder
    from ..evaluation.score import Entrants


def check_submission(args: argparse.Namespace, matchers: int) -> None:
    """
    Refuse a submission that cannot be, before the work.

    :param matchers: how many there are.
    :raises ConfigError: if options do not go together, or the folder has files.
    """
    if args.submission is None:
        return
    if matchers != 1:
        raise ConfigError(f'--submission is of one matcher, got {matchers}')
    if args.out is None:
        raise ConfigError('--submission needs --out, where the predictions are kept')
    if args.submission.exists() and (not args.submission.is_dir()
                                     or any(args.submission.iterdir())):
        raise ConfigError(f'--submission {args.submission} is not an empty folder; name another')


def write_results(chosen: Chosen, folder: 'RunFolder', entrants: 'Entrants',
                  args: argparse.Namespace) -> int:
    """
    Write what the benchmark takes of each pair.

    :param chosen: the pairs.
    :param folder: with the predictions.
    :param entrants: whose they are.
    :returns: how many pairs were written.
    :raises ConfigError: if the benchmark takes none of them, or a pair has failed.
    :raises PanMatchError: if a result cannot be written.
    """
    from ..data.submission import write_submission
    from ..evaluation.prediction import read_prediction
    samples = [sample for sample in chosen.samples if sample.submission]
    if not samples:
        raise ConfigError(f'the benchmark {chosen.dataset} takes none of these pairs; is it the '
                          'right --split?')
    for sample in samples:
        label, = entrants.labels[sample.task]
        found = read_prediction(folder.prediction(label, sample.task, sample.name))
        if found is None or (sample.task, sample.name, label) in entrants.failures:
            raise ConfigError(f'{label} failed on {sample.name}: a submission needs all pairs')
        write_submission(chosen.dataset, args.submission, sample, found.values,
                         found.milliseconds / 1e3)
    return len(samples)
