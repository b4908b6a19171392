"""Match two images: disparity, depth and point cloud, optical flow, or sparse matches."""
import argparse
import dataclasses
from pathlib import Path
import time
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from .match_calibration import load_calibration
from .match_depth import (
    TwoViews,
    add_depth_arguments,
    check_depth_options,
    depth_options,
    depth_outputs,
    load_views,
)
from .network_options import (
    MATCHER_HELP,
    MATCHERS,
    add_networks,
    check_matchers,
    make_matcher,
)
from .options import add_disparity_range, count, share

if TYPE_CHECKING:
    import numpy as np

    from ..core.camera import StereoRig
    from ..core.types import Disparity, Displacement
    from ..inference.matcher import Matcher
    from .match_outputs import Outputs

SUMMARY = 'match two images and write the result as arrays and pictures'
EXAMPLES = """\
panmatch match left.png right.png --task stereo --out out/stereo
                                # disparity of a rectified pair
panmatch match left.png right.png --task stereo --calib left.yaml right.yaml --out out/depth
                                # with depth and point cloud; ROS camera_info files
panmatch match im0.png im1.png --task stereo --calib calib.txt --out out/depth
                                # the same with a Middlebury calibration
panmatch match frame0.png frame1.png --out out/flow
                                # optical flow
panmatch match a.png b.png --task match --max-matches 500 --out out/matches
                                # sparse matches
panmatch match a.png b.png --task depth --calib camera.yaml --out out/views
                                # depth from a moving camera; --pose if its motion is known
panmatch match frame0.png frame1.png --matcher nano --detail --out out/fine
                                # with the small network, at 1.5 times the size
panmatch match frame0.png frame1.png --matcher panmatch_g --weights panmatch_g.safetensors \\
    --out out/flow              # the same tasks with the PanMatch network
"""
TASKS = ('stereo', 'flow', 'match', 'depth')
SAMPLINGS = ('grid', 'balanced')
MAX_MATCHES, MATCH_CONFIDENCE = 2000, 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('image0', type=Path, metavar='IMAGE0', help='left or first image')
    parser.add_argument('image1', type=Path, metavar='IMAGE1', help='right or second image')
    parser.add_argument('--task', choices=TASKS, default='flow',
                        help='stereo: disparity of a rectified pair; flow: dense displacement '
                             '(default); match: sparse matches; depth: from two views of a '
                             'scene that does not move')
    parser.add_argument('--matcher', choices=MATCHERS, default='auto', help=MATCHER_HELP)
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='folder for the results; made if it does not exist')
    parser.add_argument('--overwrite', action='store_true',
                        help='write into a folder that is not empty; replaces results of this '
                             'command and nothing else')
    parser.add_argument('--calib', type=Path, nargs='+', metavar='FILE',
                        help='stereo: the camera_info YAML of both cameras, or one Middlebury '
                             'calib.txt; gives depth and point cloud (stands after the images); '
                             'depth: the camera_info YAML of the camera, or of both')
    add_disparity_range(parser)
    parser.add_argument('--min-confidence', type=share, metavar='C',
                        help='make what is less confident invalid, 0 to 1; default 0 (nothing), '
                             f'for matches and depth {MATCH_CONFIDENCE}')
    parser.add_argument('--sampling', choices=SAMPLINGS,
                        help='match: grid (default) takes the most confident pixel of each cell; '
                             'balanced draws by confidence, evenly over the image')
    parser.add_argument('--max-matches', type=count, metavar='N',
                        help=f'match: at most so many (default {MAX_MATCHES})')
    add_depth_arguments(parser)
    add_networks(parser)


def run(args: argparse.Namespace) -> int:
    """
    Match the two images and write all results.

    :raises PanMatchError: if a file, an option or a calibration cannot be used.
    """
    check_options(args)
    from ..core.image import check_pair
    from ..data.formats import read_image
    from .match_outputs import prepare_folder
    image0, image1 = read_image(args.image0), read_image(args.image1)
    check_pair(image0, image1, (str(args.image0), str(args.image1)))
    size = image0.shape[:2]
    rig = load_calibration(args, size) if args.task == 'stereo' else None
    views = load_views(args, size) if args.task == 'depth' else None
    task = 'stereo' if args.task == 'stereo' else 'flow'
    matcher = make_matcher(args.matcher, args)
    chosen_for(matcher, task)  # what cannot be made fails before there is a folder
    inputs = [args.image0, args.image1, *(args.calib or ()), *([args.pose] if args.pose else ())]
    prepare_folder(args.out, args.overwrite, inputs)

    match_pair = matcher.match_stereo if task == 'stereo' else matcher.match
    matcher.prepare(task, size)
    start_s = time.perf_counter()
    result = match_pair(image0, image1)
    elapsed_ms = 1e3 * (time.perf_counter() - start_s)

    outputs = collect(args, result, (image0, image1), rig, views)
    outputs.summary = {
        'task': args.task, 'matcher': matcher.name, 'backend': matcher.backend,
        'precision': matcher.precision, 'height': image0.shape[0], 'width': image0.shape[1],
        'image0': str(args.image0), 'image1': str(args.image1),
        'calibration': [str(path) for path in args.calib] if args.calib else None,
        'milliseconds': round(elapsed_ms, 2), **outputs.summary,
        'options': {**options(args),
                    **matcher_options(chosen_for(matcher, task), task, image0.shape[1])}}
    outputs.write(args.out)
    print(outputs.describe())
    print(f'{args.out}: {", ".join(outputs.names())}')
    return 0


def check_options(args: argparse.Namespace) -> None:
    """
    Refuse options that the task would ignore.

    :raises ConfigError: with the name of the option.
    """
    ignored = [] if args.task == 'stereo' else [
        ('--max-disparity', args.max_disparity), ('--min-disparity', args.min_disparity)]
    for name, value in ignored:
        if value:
            raise ConfigError(f'{name} is for --task stereo, and the task is {args.task}')
    if args.calib and args.task not in ('stereo', 'depth'):
        raise ConfigError('--calib is for --task stereo and --task depth, and the task is '
                          f'{args.task}')
    if args.max_matches is not None and args.task != 'match':
        raise ConfigError(f'--max-matches is for --task match, and the task is {args.task}')
    if args.sampling is not None and args.task != 'match':
        raise ConfigError(f'--sampling is for --task match, and the task is {args.task}')
    check_matchers([args.matcher], args)
    if args.calib and len(args.calib) > 2:
        raise ConfigError(f'--calib takes one or two files, got {len(args.calib)}')
    check_depth_options(args)


def collect(args: argparse.Namespace, result: 'Disparity | Displacement',
            images: 'tuple[np.ndarray, np.ndarray]', rig: 'StereoRig | None',
            views: TwoViews | None) -> 'Outputs':
    """Turn a result into what is written, according to the task."""
    from ..core.types import Disparity
    from . import match_outputs
    if isinstance(result, Disparity):
        return match_outputs.stereo_outputs(result, images[0], rig, args.min_confidence or 0.0)
    if views is not None:
        return depth_outputs(args, result, images[0], views)
    if args.task == 'flow':
        return match_outputs.flow_outputs(result, args.min_confidence or 0.0)
    resolved = options(args)
    return match_outputs.match_outputs(result, images, resolved['min_confidence'],
                                       resolved['max_matches'], resolved['sampling'])


def options(args: argparse.Namespace) -> dict:
    """Options after the defaults of the task were filled in; those of other tasks left out."""
    if args.task == 'depth':
        return {'matcher': args.matcher, **depth_options(args)}
    is_match = args.task == 'match'
    default = MATCH_CONFIDENCE if is_match else 0.0
    resolved = {'matcher': args.matcher,
                'min_confidence': default if args.min_confidence is None else args.min_confidence}
    if args.task == 'stereo':
        resolved |= {'min_disparity': args.min_disparity, 'max_disparity': args.max_disparity}
    if is_match:
        resolved['max_matches'] = args.max_matches or MAX_MATCHES
        resolved['sampling'] = args.sampling or SAMPLINGS[0]
    return resolved


def chosen_for(matcher: 'Matcher', task: str) -> 'Matcher':
    """
    Give the matcher that computes.

    :param task: 'stereo' or 'flow'.
    :raises PanMatchError: if it cannot be made.
    """
    from ..inference.auto import AutoMatcher
    return matcher.for_task(task) if isinstance(matcher, AutoMatcher) else matcher


def matcher_options(matcher: 'Matcher', task: str, width: int) -> dict:
    """
    List what the matcher really used, automatic values resolved.

    :param task: 'stereo' or 'flow'.
    :param width: of the images, pixels.
    """
    from ..checkpoints.nano_graphs import find_nano
    from ..inference.backends.choose import default_threads
    from ..inference.classical import ClassicalMatcher
    from ..inference.nano import NanoMatcher
    from ..inference.panmatch import PanMatchMatcher
    computed = {'backend': matcher.backend, 'precision': matcher.precision}
    if isinstance(matcher, NanoMatcher):
        return {'nano': {**dataclasses.asdict(matcher.options), **computed,
                         'device': matcher.programs.backend.device,
                         'weights': str(find_nano(matcher.options.weights).folder),
                         'threads': matcher.options.threads or default_threads()}}
    if isinstance(matcher, PanMatchMatcher):
        return {'panmatch': {**dataclasses.asdict(matcher.options), **computed,
                             'device': matcher.network.device_type,
                             'iterations': matcher.network.config.iterations}}
    if not isinstance(matcher, ClassicalMatcher):
        return {}
    resolved = dataclasses.asdict(matcher.config)
    if task == 'stereo':
        resolved['searched_disparities'] = list(matcher.search_range(width))
    return {'classical': resolved}
