"""Which pairs: options of the datasets, and the guess of which one a folder holds."""
import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError
from .options import count, positive

if TYPE_CHECKING:
    from ..data.sample import Sample

# As data.datasets, which is heavy to import; a test compares the two.
DATASETS = ('kitti2015', 'kitti2012', 'middlebury', 'eth3d', 'sintel', 'spring', 'flyingchairs',
            'flyingthings3d', 'vkitti2', 'tartanair', 'scannet1500', 'megadepth1500', 'hpatches',
            'wxbs', 'folder')
TASKS = ('stereo', 'flow', 'pose', 'homography', 'points')
PARTS = {'split': 'such as training or testing', 'pass': 'clean or final'}
AUTO = 'auto'


@dataclass(frozen=True)
class Chosen:
    """
    The pairs that were asked for.

    :param samples: the pairs.
    :param dataset: name of the dataset.
    :param is_guess: whether that was guessed.
    :param options: of the dataset, as they were given.
    """

    samples: 'list[Sample]'
    dataset: str
    is_guess: bool
    options: dict[str, str]


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Add what chooses the pairs."""
    group = parser.add_argument_group('pairs')
    group.add_argument('--dataset', choices=(AUTO, *DATASETS), default=AUTO,
                       help='which dataset the folder holds in its official layout; auto '
                            '(default) guesses by the names in it; folder: pairs in plain folders')
    group.add_argument('--task', choices=(AUTO, *TASKS), default=AUTO,
                       help='which pairs; auto (default) takes all and tells the task by the '
                            'ground truth')
    for name, text in PARTS.items():
        group.add_argument(f'--{name}', default='', metavar='NAME',
                           help=f'part of the dataset: {text}')
    group.add_argument('--part', type=named_value, action='append', default=[],
                       metavar='NAME=VALUE',
                       help='any other choice that the dataset has, such as resolution=H '
                            '(Middlebury) or camera=left (Spring); may be given several times')
    group.add_argument('--scale', type=positive, metavar='S',
                       help='plain folders: levels per pixel of png disparity: value = S * '
                            'disparity; default is scale.txt beside it, else what its name tells')
    group.add_argument('--limit', type=count, metavar='N',
                       help='take N pairs, spread evenly over the dataset; default is all')


def choose_samples(args: argparse.Namespace) -> Chosen:
    """
    List the pairs that the options describe.

    :param args: with ``folder`` and the options of :func:`add_dataset`.
    :raises ConfigError: if there are none.
    """
    from ..data.datasets import guess_dataset, open_dataset
    if not args.folder.is_dir():
        what = 'is a file' if args.folder.exists() else 'does not exist'
        if args.dataset in (AUTO, 'folder'):  # its error says what a folder may hold
            open_dataset('folder', args.folder, {})
        raise ConfigError(f'{args.folder} {what}; name the folder of the dataset')
    is_guess = args.dataset == AUTO
    name = guess_dataset(args.folder) if is_guess else args.dataset
    options = given_options(args)
    samples = open_dataset(name, args.folder, options)
    return Chosen(spread(samples, args.limit), name, is_guess, options)


def given_options(args: argparse.Namespace) -> dict[str, str]:
    """Options of the dataset that were given, by the names that the dataset has."""
    given: dict[str, Any] = {name: getattr(args, name) for name in ('task', *PARTS)}
    options = {name: value for name, value in given.items() if value and value != AUTO}
    options |= dict(args.part)
    return options if args.scale is None else {**options, 'scale': f'{args.scale!r}'}


def named_value(text: str) -> tuple[str, str]:
    """
    Read ``NAME=VALUE``.

    :raises ArgumentTypeError: if it is something else.
    """
    name, sign, value = text.partition('=')
    if not (name and sign and value):
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=VALUE, like resolution=H')
    return name, value


def spread(samples: 'list[Sample]', limit: int | None) -> 'list[Sample]':
    """
    Take some samples from the whole of a list.

    :param limit: how many; None takes all.
    """
    if limit is None or limit >= len(samples):
        return samples
    return [samples[index * len(samples) // limit] for index in range(limit)]
