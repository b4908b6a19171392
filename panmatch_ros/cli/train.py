"""
Train the nano network by a recipe, or go on with a training.

The folder of a training holds what is needed to go on (last.pt), averaged weights
(last.safetensors, best.safetensors) and curves (curve.csv, validation.csv). The same command
goes on where it stopped; Ctrl-C and --minutes stop it without a loss.
"""
import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .options import positive

if TYPE_CHECKING:
    from ..models.nano import Nano
    from ..training.loop import Report
    from ..training.state import Progress

SUMMARY = 'train the nano network'
EXAMPLES = """\
panmatch train config/train/smoke.yaml --out out/smoke
                                        # two minutes on two cores: shows that it learns
panmatch train config/train/nano.yaml --out out/nano
                                        # the recipe of the shipped weights
panmatch train config/train/nano_gpu.yaml --out out/gpu --minutes 9
                                        # at most nine minutes; the same again goes on
panmatch train config/train/nano.yaml --out out/better --init shipped
                                        # from the shipped weights on
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('recipe', type=Path, help='YAML file, see config/train/')
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER',
                        help='folder of the training; one with a last.pt is continued')
    parser.add_argument('--minutes', type=positive, metavar='M',
                        help='stop this run after so many minutes; the schedule stays')
    parser.add_argument('--init', metavar='FILE',
                        help='weights (.safetensors) to start a new training from; "shipped" '
                             'are those of this package')


def run(args: argparse.Namespace) -> int:
    """
    Train.

    :raises PanMatchError: if the recipe, the state or the weights cannot be used.
    """
    from ..training.config import read_recipe
    config = read_recipe(args.recipe)
    from ..checkpoints.dependencies import import_torch
    import_torch()
    from ..training.loop import LAST
    from ..training.processes import train
    is_new = not (args.out / LAST).exists()
    init = starting_weights(args.init) if args.init and is_new else None
    print(f'{"new training" if is_new else "going on"} in {args.out}: schedule of '
          f'{config.minutes:g} min, seed {config.seed}, {config.processes} process(es)')
    with progress_bar(config.minutes * 60) as report:
        progress = train(config, args.out, 60 * (args.minutes or 0), init, report)
    for name, value in (progress.history[-1] if progress.history else {}).items():
        print(f'{name:24} {value:10.4g}')
    print(f'weights: {args.out / "best.safetensors"}')
    return 0


def starting_weights(name: str) -> 'Nano':
    """Read weights by file name, or those of this package."""
    from ..checkpoints.nano_weights import load_nano, shipped_weights
    return load_nano(shipped_weights() if name == 'shipped' else Path(name))[0]


@contextmanager
def progress_bar(seconds: float) -> 'Iterator[Report]':
    """Show how far the schedule is; gives what the training calls."""
    from tqdm import tqdm
    with tqdm(total=round(seconds), unit='s', dynamic_ncols=True) as bar:
        def report(progress: 'Progress', terms: dict[str, float]) -> None:
            bar.update(round(progress.seconds) - bar.n)
            bar.set_postfix(step=progress.step, loss=f'{terms["total"]:.2f}')
        yield report
