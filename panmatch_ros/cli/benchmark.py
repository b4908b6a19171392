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
from ..inference.runtime_options import BACKENDS, ENGINE_BACKENDS, PRECISIONS, RuntimeOptions
from .network_options import (
    MATCHERS,
    add_networks,
    check_matchers,
    for_one_of,
    is_panmatch,
    matcher_options,
)
from .options import add_disparity_range, count, size

if TYPE_CHECKING:
    from ..evaluation.timing.case import Case, Row

SUMMARY = 'measure time and memory of matchers on this machine'
EXAMPLES = """\
panmatch benchmark              # classical and nano, stereo and flow, 480x640 and 720x1280
panmatch benchmark --task flow --stream --size 480x640
                                # also what one further image of a sequence costs
panmatch benchmark --backend onnxruntime --backend openvino --threads 2 --json bench.json
                                # two back-ends of nano, and every single time in a file
panmatch benchmark --matcher panmatch_s --weights s.safetensors --precision fp32 --precision bf16
                                # the PanMatch network in two precisions
panmatch benchmark --backend onnxruntime --backend torch --backend tensorrt
                                # nano on the CPU, on the GPU, and in TensorRT; engines that are
                                # missing are built first
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
    add_networks(parser, form=False)


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
                       help='of the networks; default torch for PanMatch, onnxruntime for nano, '
                            'or torch if --device or --precision want that')
    group.add_argument('--precision', choices=PRECISIONS, action='append', dest='precisions',
                       help='of the networks; default fp32, for engines auto: fp16 where they '
                            'have it. What a back-end does not have is left out')
    parser.add_argument('--stream', action='store_true',
                        help='flow: also measure one further image of a sequence')


def run(args: argparse.Namespace) -> int:
    """
    Measure, and print a table for each task and size.

    :returns: 1 if a case failed, else 0.
    :raises PanMatchError: if an option cannot be used.
    """
    from ..evaluation.timing.benchmark import Rounds, benchmark_images, measure
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
             'of each' + ('; engines that are missing are built first, which may take minutes'
                          if any(case.backend in ENGINE_BACKENDS for case in cases) else ''))
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
    Refuse what no case would use, and say what is left out.

    :raises ConfigError: if there is such.
    """
    names = matchers_of(args)
    check_matchers(names, argparse.Namespace(**{
        **vars(args), 'threads': None,  # they are of all matchers
        'backend': max(args.backends or BACKENDS[:1], key=BACKENDS.index),
        'precision': max(args.precisions or PRECISIONS[:1], key=PRECISIONS.index)}))
    if args.stream and args.tasks and 'flow' not in args.tasks:
        raise ConfigError('--stream is for flow, and the task is stereo; add --task flow')
    reasons: list[str] = []
    for name in names:
        found = [contradiction(*form, args) for form in forms_of(name, args)]
        if all(found):
            raise ConfigError(found[0])
        reasons += filter(None, found)
    for reason in dict.fromkeys(reasons):
        note(f'left out: {reason}')


def matchers_of(args: argparse.Namespace) -> list[str]:
    """Names of the matchers, the baseline first."""
    return list(dict.fromkeys((BASELINE, *(args.matchers or DEFAULT_MATCHERS))))


def cases_of(args: argparse.Namespace, task: str, size_px: tuple[int, int]) -> 'Iterator[Case]':
    """
    Give all cases of a task and a size, the baseline first.

    :param task: 'stereo' or 'flow'.
    :param size_px: (height, width) of the images.
    """
    from ..evaluation.timing.case import Case
    streams = (False, True) if args.stream and task == 'flow' else (False,)
    for name in matchers_of(args):
        one = for_one_of(matchers_of(args), name, args)
        for backend, precision in forms_of(name, args):
            if contradiction(backend, precision, args):
                continue
            chosen = matcher_options(name, argparse.Namespace(**{
                **vars(one), 'backend': backend, 'precision': precision}))
            for stream in streams:
                yield Case(name, chosen, task, size_px, stream, args.threads or 0)


def forms_of(name: str, args: argparse.Namespace) -> list[tuple[str, str]]:
    """Give back-end and precision of each form that a matcher is measured in."""
    if name == BASELINE:
        return [(BACKENDS[0], FP32)]
    precisions = list(dict.fromkeys(args.precisions or ()))
    if args.backends:
        return [(backend, precision) for backend in dict.fromkeys(args.backends)
                for precision in precisions
                or ['auto' if backend in ENGINE_BACKENDS else FP32]]
    # Not 'auto' itself: the numbers are to say of what they are on every machine.
    return [('torch' if is_panmatch(name, args)
             or contradiction('onnxruntime', precision, args) else 'onnxruntime', precision)
            for precision in precisions or [FP32]]


def contradiction(backend: str, precision: str, args: argparse.Namespace) -> str:
    """Say why a back-end cannot have a precision, or the device; empty if it can."""
    from ..inference.backends.choose import check_combination
    try:
        check_combination(RuntimeOptions(backend=backend, device=args.device,
                                         precision=precision))
    except ConfigError as error:
        return str(error)
    return ''


def options(args: argparse.Namespace) -> dict:
    """Options as they were used."""
    forms = [form for name in matchers_of(args) if name != BASELINE
             for form in forms_of(name, args)]
    kept = ('weights', 'device', 'engine_cache', 'fit', 'max_side', 'tiles', 'detail',
            'large_motion', 'threads', 'repeat', 'warmup', 'stream', 'min_disparity',
            'max_disparity')
    return {'matchers': matchers_of(args), 'tasks': args.tasks or list(TASKS),
            'sizes': [list(each) for each in args.sizes or DEFAULT_SIZES],
            'backends': list(dict.fromkeys(backend for backend, _ in forms)),
            'precisions': list(dict.fromkeys(precision for _, precision in forms)),
            **{name: getattr(args, name) for name in kept}}


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch benchmark: {text}', file=sys.stderr)
