"""Score the predictions of an earlier ``panmatch evaluate`` again."""
import argparse
from pathlib import Path

from ..core.errors import ConfigError, FormatError
from .progress import progress


def score_again(args: argparse.Namespace) -> int:
    """
    Do the second step on what the first has left: no matcher is needed.

    :param args: with ``folder``, that of the run.
    :returns: 1 if a pair failed, else 0.
    :raises PanMatchError: if the folder is not that of a run, or its dataset is gone.
    """
    from ..data.datasets import open_dataset
    from ..evaluation.run import Plan, Reporters, read_entrants, score_run
    from ..evaluation.run_folder import RUN, RunFolder
    from .evaluate import Tellers, conclude
    if args.out or args.matchers or args.submission:
        raise ConfigError('--score-only scores what is in DIR; it takes neither --out nor '
                          '--matcher nor --submission')
    folder = RunFolder(args.folder)
    about = folder.read(RUN)
    entrants, pairs = read_entrants(about)
    try:
        dataset = about['dataset']
        name, where, options = dataset['name'], Path(dataset['folder']), dict(dataset['options'])
        kept = {key: about[key] for key in ('title', 'folder', 'dataset', 'options', 'versions')}
    except (KeyError, TypeError) as error:
        raise FormatError(f'{args.folder / RUN} is damaged: {error!r}') from None
    by_name = {(sample.task, sample.name): sample
               for sample in open_dataset(name, where, options)}
    missing = [pair for task, pair in pairs if (task, pair) not in by_name]
    if missing:
        raise ConfigError(f'{len(missing)} of the {len(pairs)} pairs are not in {where} any more, '
                          f'such as {missing[0]}; evaluate again')
    samples = [by_name[pair] for pair in pairs]
    with progress('evaluate', len(samples), 'scoring') as shown:
        tellers = Tellers(shown, count_scored=True)
        plan = Plan(samples, kept, args.pictures, reporters=Reporters(scored=tellers.scored))
        scores = score_run(plan, folder, entrants)
    return conclude(scores, args.folder)
