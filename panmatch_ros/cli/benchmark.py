"""
Measure time and memory of matchers on this machine.

Each line of the tables is a process of its own. Those of one task and size are called in turn,
on the same images, and all of them are compared with classical.
"""
import argparse
from collections.abc import Iterator
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from ..inference.nano_config import BACKENDS
from ..inference.panmatch_config import PRECISIONS
from .options import (
    MATCHERS,
    PANMATCH,
    add_disparity_range,
    add_nano,
    add_network,
    check_weights,
    count,
    matcher_options,
    size,
)

if TYPE_CHECKING:
    from ..evaluation.benchmark_case import Case, Row

SUMMARY = 'measure time and memory of matchers on this machine'
EXAMPLES = """\
panmatch benchmark              # classical and nano, stereo and flow, 480x640 and 720x1280
panmatch benchmark --task flow --stream --size 480x640
                                # also what one further image of a sequence costs
panmatch benchmark --backend onnxruntime --backend openvino --threads 2 --json bench.json
                                # two back-ends of nano, and every single time in a file
panmatch benchmark --matcher panmatch_s --weights s.safetensors --precision fp32 --precision bf16
                                # the PanMatch network in two precisions
"""
BASELINE = 'classical'
DEFAULT_MATCHERS = (BASELINE, 'nano')
DEFAULT_SIZES = ((480, 640), (720, 1280))
TASKS = ('stereo', 'flow')
REPEAT, WARMUP = 20, 3
FP32 = 'fp32'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    add_cases(parser)
    parser.add_argument('--threads', type=count, metavar='N',
                        help='threads that compute, of all matchers; default is that of each')
    parser.add_argument('--repeat', type=count, default=REPEAT, metavar='N',
                        help=f'calls of each that count (default {REPEAT})')
    parser.add_argument('--warmup', type=count, default=WARMUP, metavar='N',
                        help=f'calls before them that do not (default {WARMUP})')
    parser.add_argument('--json', type=Path, metavar='FILE',
                        help='also write all numbers, every single time and the machine there')
    parser.add_argument('--overwrite', action='store_true', help='replace that file if it exists')
    add_disparity_range(parser)
    add_nano(parser, engine=False)
    add_network(parser, precision=False)


def add_cases(parser: argparse.ArgumentParser) -> None:
    """Describe what may be given several times; all combinations are measured."""
    group = parser.add_argument_group('may be given several times; all combinations are measured')
    group.add_argument('--matcher', choices=MATCHERS, action='append', dest='matchers',
                       help=f'default {" and ".join(DEFAULT_MATCHERS)}; {BASELINE} is always '
                            'measured too')
    group.add_argument('--task', choices=TASKS, action='append', dest='tasks',
                       help='default both')
    group.add_argument('--size', type=size, action='append', dest='sizes', metavar='HxW',
                       help='height and width of the images, pixels; default 480x640 and '
                            '720x1280')
    group.add_argument('--backend', choices=BACKENDS, action='append', dest='backends',
                       help=f'of nano; default {BACKENDS[0]}')
    group.add_argument('--precision', choices=PRECISIONS, action='append', dest='precisions',
                       help=f'of the PanMatch network; default {FP32}')
    parser.add_argument('--stream', action='store_true',
                        help='flow: also measure one further image of a sequence')


def run(args: argparse.Namespace) -> int:
    """
    Measure, and print a table for each task and size.

    :returns: 1 if a case failed, else 0.
    :raises PanMatchError: if an option cannot be used.
    """
    from ..evaluation.benchmark import Rounds, benchmark_images, measure
    from .benchmark_tables import describe_group, describe_machine, machine_line, results_of
    check_options(args)
    machine = describe_machine()
    groups = [(task, each, list(cases_of(args, task, each)))
              for each in dict.fromkeys(args.sizes or DEFAULT_SIZES)
              for task in dict.fromkeys(args.tasks or TASKS)]
    print(machine_line(machine))
    if machine['load_average'] and machine['load_average'][0] > machine['usable_cores'] / 4:
        note('other programs are running: these times are not those of an idle machine')
    rows: list[Row] = []
    for task, (height, width), cases in groups:
        note(f'{height}x{width} {task}: {len(cases)} cases, {args.warmup} + {args.repeat} calls '
             'of each')
        found = measure(cases, benchmark_images(task, (height, width)),
                        Rounds(args.repeat, args.warmup))
        print(f'\n{describe_group(found)}', flush=True)
        rows += found
    if args.json:
        results = {'machine': machine, 'options': options(args), 'rows': results_of(rows)}
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(results, indent=2, allow_nan=False) + '\n',
                             encoding='utf-8')
        print(f'\n{args.json}')
    return 1 if any(row.error for row in rows) else 0


def check_options(args: argparse.Namespace) -> None:
    """
    Refuse what cannot be measured, and a file that must not be written.

    :raises ConfigError: if there is such.
    """
    from ..data.synthetic.recipe import SMALLEST_EDGE_PX
    for height, width in args.sizes or ():
        if min(height, width) < SMALLEST_EDGE_PX:
            raise ConfigError(f'--size must be at least {SMALLEST_EDGE_PX}x{SMALLEST_EDGE_PX} '
                              f'pixels, got {height}x{width}')
    check_forms(args)
    if args.json and args.json.is_dir():
        raise ConfigError(f'--json {args.json} is a folder; name a file')
    if args.json and args.json.exists() and not args.overwrite:
        raise ConfigError(f'--json {args.json} exists; name another file, or add --overwrite')


def check_forms(args: argparse.Namespace) -> None:
    """
    Refuse what no case would use.

    :raises ConfigError: if there is such.
    """
    names = matchers_of(args)
    # Threads are of all matchers, and back-ends are looked at below.
    check_weights(names, argparse.Namespace(**{**vars(args), 'backend': BACKENDS[0],
                                               'threads': None}))
    networks = [is_panmatch(name, args) for name in names]
    if args.backends and not any(name in ('nano', 'auto') and not network
                                 for name, network in zip(names, networks, strict=True)):
        raise ConfigError(f'--backend is for the nano network, and the matchers are '
                          f'{", ".join(names)}; add --matcher nano')
    if args.precisions and not any(networks):
        raise ConfigError(f'--precision is for the PanMatch network, and the matchers are '
                          f'{", ".join(names)}; add --matcher {PANMATCH[0]} and its --weights')
    if args.stream and args.tasks and 'flow' not in args.tasks:
        raise ConfigError('--stream is for flow, and the task is stereo; add --task flow')


def matchers_of(args: argparse.Namespace) -> list[str]:
    """Names of the matchers, the baseline first."""
    return list(dict.fromkeys((BASELINE, *(args.matchers or DEFAULT_MATCHERS))))


def is_panmatch(name: str, args: argparse.Namespace) -> bool:
    """Whether a matcher of this name is the PanMatch network."""
    return name in PANMATCH or (name == 'auto' and bool(args.weights))


def cases_of(args: argparse.Namespace, task: str, size_px: tuple[int, int]) -> 'Iterator[Case]':
    """
    Give all cases of a task and a size, the baseline first.

    :param task: 'stereo' or 'flow'.
    :param size_px: (height, width) of the images.
    """
    from ..evaluation.benchmark_case import Case
    streams = (False, True) if args.stream and task == 'flow' else (False,)
    for name in matchers_of(args):
        for form in forms_of(name, args):
            chosen = matcher_options(name, argparse.Namespace(**{**vars(args), **form}))
            for stream in streams:
                yield Case(name, chosen, task, size_px, stream, args.threads or 0)


def forms_of(name: str, args: argparse.Namespace) -> list[dict[str, str]]:
    """
    Give the options of each form that a matcher is measured in.

    ``--weights`` are a folder for nano and a file for PanMatch: nano takes those of this package
    if both are measured.
    """
    form = {'backend': BACKENDS[0], 'precision': FP32, 'weights': args.weights}
    if is_panmatch(name, args):
        return [{**form, 'precision': each}
                for each in dict.fromkeys(args.precisions or (FP32,))]
    if name == BASELINE:
        return [form]
    if any(is_panmatch(other, args) for other in matchers_of(args)):
        form['weights'] = ''
    return [{**form, 'backend': each} for each in dict.fromkeys(args.backends or BACKENDS[:1])]


def options(args: argparse.Namespace) -> dict:
    """Options as they were used."""
    kept = ('weights', 'device', 'tiles', 'detail', 'large_motion', 'threads', 'repeat', 'warmup',
            'stream', 'min_disparity', 'max_disparity')
    return {'matchers': matchers_of(args), 'tasks': args.tasks or list(TASKS),
            'sizes': [list(each) for each in args.sizes or DEFAULT_SIZES],
            'backends': args.backends or list(BACKENDS[:1]),
            'precisions': args.precisions or [FP32],
            **{name: getattr(args, name) for name in kept}}


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch benchmark: {text}', file=sys.stderr)
