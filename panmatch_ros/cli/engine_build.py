"""``panmatch engine build``: have the engines before they are needed."""
import argparse
from dataclasses import dataclass
import sys
from typing import TYPE_CHECKING

from ..core.errors import ConfigError, PanMatchError
from ..inference.runtime_options import BACKENDS, ENGINE_BACKENDS, PRECISIONS
from .network_options import (
    PANMATCH,
    add_modes,
    add_weights,
    check_matchers,
    make_matcher,
    require_engines,
)
from .options import file_size, size

if TYPE_CHECKING:
    from ..inference.engine_programs import EnginePrograms, Wanted
    from ..inference.matcher import Matcher

SUMMARY = 'find or build engines for sizes of images, and compare them with the network'
EXAMPLES = """\
panmatch engine build --size 480x640      # TensorRT engines of nano, for stereo and flow
panmatch engine build --backend onnx_tensorrt --size 480x640 --size 720x1280 --task stereo
                                          # without Torch-TensorRT, for two cameras
panmatch engine build --matcher panmatch_s --weights s.safetensors --size 480x640
                                          # of the PanMatch network
"""
MATCHERS = ('nano', *PANMATCH)
TASKS = ('stereo', 'flow')


@dataclass(frozen=True)
class Job:
    """
    Engines that are made ready together.

    :param task: 'stereo' or 'flow'.
    :param size: (height, width) of the images, pixels.
    """

    task: str
    size: tuple[int, int]

    @property
    def title(self) -> str:
        """Name it."""
        return f'{self.task} {self.size[0]}x{self.size[1]}'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this action, without the folder."""
    parser.add_argument('--size', type=size, action='append', dest='sizes', metavar='HxW',
                        required=True,
                        help='height and width of the images, pixels; may be given several times')
    parser.add_argument('--task', choices=TASKS, action='append', dest='tasks',
                        help='what they are for; may be given several times (default both)')
    parser.add_argument('--matcher', choices=MATCHERS, default=MATCHERS[0],
                        help='nano (default), or a PanMatch network')
    parser.add_argument('--backend', choices=BACKENDS, default=ENGINE_BACKENDS[0],
                        help='tensorrt (default): Torch-TensorRT; onnx_tensorrt: TensorRT itself. '
                             'The others have no engines')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISIONS[0],
                        help='auto (default) is fp16, or fp32 where the back-end has only that')
    add_weights(parser)
    add_modes(parser)


def build(args: argparse.Namespace) -> int:
    """
    Find or build all engines, and print a line for each.

    :returns: 1 if one cannot be made or kept, else 0.
    :raises PanMatchError: if the options, the weights or the back-end cannot be used.
    """
    from ..inference.engine_status import engines_of
    require_engines(args.backend)
    check_matchers([args.matcher], args)
    matcher = make_matcher(args.matcher, argparse.Namespace(
        **vars(args), engine_cache=str(args.cache or '')))
    (programs,) = engines_of(matcher)
    check_folder(programs)
    backend = programs.engine_backend
    note(f'{matcher.name} with {backend.name}, {backend.precision}, on '
         f'{backend.describe()["device"]}')
    jobs = [Job(task, each) for each in dict.fromkeys(args.sizes)
            for task in dict.fromkeys(args.tasks or TASKS)]
    engines: set[Wanted] = set()
    failed = 0
    for job in jobs:
        note(f'{job.title}: building takes minutes if there is no engine')
        failed += not run_job(job, matcher, programs, engines)
    gone = [each for each in engines if not programs.cache.path(programs.key(*each)).is_file()]
    kept = len(engines) - len(gone)
    print(f'{kept} {"engine" if kept == 1 else "engines"} for {matcher.name}: '
          f'{programs.cache.folder}')
    if gone:
        note(f'error: {len(gone)} not kept, or removed again for others: engines may have '
             f'{file_size(programs.cache.max_bytes)} together; see also the warnings above')
    if failed:
        note(f'error: {failed} of {len(jobs)} failed, see above')
    return 1 if failed or gone else 0


def check_folder(programs: 'EnginePrograms') -> None:
    """
    Find out before minutes of work whether its result can be kept.

    :raises ConfigError: if not.
    """
    from ..inference.engine_folder import folder_problem
    folder = programs.cache.folder
    problem = folder_problem(folder)
    if problem:
        raise ConfigError(f'{folder} takes no engines: {problem}; name another folder: --cache '
                          'DIR')


def run_job(job: Job, matcher: 'Matcher', programs: 'EnginePrograms',
            engines: 'set[Wanted]') -> bool:
    """
    Find or build the engines of a task and a size, and print a line for each.

    :param engines: those that are ready already; new ones are added.
    :returns: whether they can be used.
    """
    known = len(programs.prepared)
    error = ''
    try:
        matcher.prepare(job.task, job.size)
    except PanMatchError as problem:
        error = ' '.join(str(problem).split())
    for wanted in programs.prepared[known:]:
        print(f'{job.title}: {describe(job, programs, wanted, wanted in engines)}', flush=True)
        engines.add(wanted)
    if error:
        print(f'{job.title}: failed: {error}', flush=True)
    return not error


def describe(job: Job, programs: 'EnginePrograms', wanted: 'Wanted', is_known: bool) -> str:
    """
    Say what became of an engine, how exact it is, and where it is.

    :param is_known: it was ready before, for another task or size.
    """
    engine, size_px = programs.engines[wanted], wanted[1]
    parts = [f'built in {engine.seconds:.1f} s' if engine.built and not is_known else 'found']
    if size_px != job.size:
        parts.append(f'the network sees {size_px[0]}x{size_px[1]}')
    if engine.verdict is not None:
        parts.append(f'parity: {engine.verdict.text}')
    path = programs.cache.path(programs.key(*wanted))
    parts.append(f'{path.name} {file_size(path.stat().st_size)}' if path.is_file()
                 else 'NOT KEPT')
    return '; '.join(parts)


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch engine: {text}', file=sys.stderr, flush=True)
