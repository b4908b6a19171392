"""Evaluate a matcher on a recording: offline, every frame, with ground truth and without."""
import argparse
import dataclasses
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError, PanMatchError
from .network_options import (
    MATCHER_HELP,
    MATCHERS,
    add_networks,
    check_matchers,
    make_matcher,
    network_options,
)
from .options import add_disparity_range, check_out, positive, share, versions

if TYPE_CHECKING:
    from ..core.camera import StereoRig
    from ..data.bags.bag import Bag
    from ..data.bags.topics import Chosen
    from ..evaluation.recordings.bag_run import BagRun, RunOptions
    from ..evaluation.recordings.frame_evaluator import Frame, FrameScore
    from ..evaluation.recordings.recording_report import RunReport
    from ..inference.matcher import Matcher

SUMMARY = 'evaluate a matcher on a recording (rosbag2), without ROS'
EXAMPLES = """\
panmatch bag drive_2024 --out out/drive
                                # guess the topics; scores, report, outputs as a new bag and files
panmatch bag drive.mcap --left /cam/infra1/image_rect_raw --right /cam/infra2/image_rect_raw \\
    --out out/drive             # name the pair
panmatch bag drive.mcap --lidar /velodyne_points --out out/lidar
                                # compare with a lidar, projected with TF
panmatch bag sim.mcap --gt-disparity /gt/disparity --matcher nano --save none --out out/nano
                                # compare with ground truth; write scores only
panmatch bag flight.db3 --task flow --image /camera/image_raw --out out/flow
                                # optical flow of one camera
"""
TASKS = ('auto', 'stereo', 'flow', 'perception')
SAVES = ('both', 'bag', 'files', 'none')        # as evaluation.bag_outputs.SAVES, which is heavy
TOPICS = {'left': 'left image', 'right': 'right image',
          'left_info': 'camera_info of the left camera',
          'right_info': 'camera_info of the right camera',
          'image': 'image of the only camera, for optical flow',
          'gt_depth': 'depth images of the left camera, 32FC1 or 16UC1; none: no truth',
          'gt_disparity': 'disparity, DisparityImage or 32FC1; none: no truth',
          'gt_flow': 'flow to the image of the same stamp, OpticalFlow or 32FC2; none: no truth',
          'lidar': 'PointCloud2, projected with TF; none: no truth'}
PROGRESS_FRAMES = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('bag', type=Path, metavar='BAG',
                        help='folder of a bag of ROS 2, or one of its files (.mcap, .db3, .zstd)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='folder for the results; made if it does not exist')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace the results of an earlier run in that folder')
    parser.add_argument('--task', choices=TASKS, default='auto',
                        help='stereo: disparity and depth; flow: of one camera; perception: both, '
                             'flow of the left camera; auto (default): stereo if there is a pair')
    parser.add_argument('--matcher', choices=MATCHERS, default='auto', help=MATCHER_HELP)
    topics = parser.add_argument_group('topics', 'what is not given is guessed, and said')
    for name, text in TOPICS.items():
        topics.add_argument(f'--{name.replace("_", "-")}', metavar='TOPIC', default='', help=text)
    topics.add_argument('--calib', type=Path, nargs='+', metavar='FILE',
                        help='calibration of rectified images in place of camera_info: as for '
                             'panmatch match')
    topics.add_argument('--rectify', action=argparse.BooleanOptionalAction, default=None,
                        help='whether the pair is raw and to be rectified; guessed by default')
    topics.add_argument('--sync-tolerance', type=positive, metavar='S',
                        help='pair images whose stamps differ by less (s); default: equal stamps')
    how = parser.add_argument_group('evaluation')
    how.add_argument('--save', choices=SAVES, default=SAVES[0],
                     help='outputs as a new bag, as files for each frame, both (default) or none')
    how.add_argument('--no-consistency', action='store_true',
                     help='do not match the direction back, which takes as long as the other')
    how.add_argument('--min-confidence', type=share, metavar='C',
                     help='make what is less confident invalid; default as in the nodes: 0.2 for '
                          'disparity, 0 for flow')
    how.add_argument('--truth-tolerance', type=positive, default=0.02, metavar='S',
                     help='largest difference of the stamps of frame and truth (s), default 0.02')
    how.add_argument('--max-depth', type=positive, default=80.0, metavar='M',
                     help='farther truth is not counted (m), default 80')
    add_disparity_range(parser)
    add_networks(parser)


def run(args: argparse.Namespace) -> int:
    """
    Match and score every frame of a bag.

    :returns: 1 if something was lost, and said, else 0.
    :raises PanMatchError: if nothing can be evaluated, or an option cannot be used.
    """
    check_matchers([args.matcher], args)
    if args.calib and args.rectify:
        raise ConfigError('--calib is a calibration of rectified images, and --rectify is for raw '
                          'ones')
    from ..data.bags.bag import Bag
    from ..data.bags.topics import choose_topics
    with Bag(args.bag) as bag:
        given = {name: getattr(args, name) for name in TOPICS}
        chosen = choose_topics(bag, args.task, given, False if args.calib else args.rectify)
        rig = _calibration(args, chosen)
        for text in chosen.notes:
            note(text)
        prepare(args)
        matcher = make_matcher(args.matcher, args)
        return evaluate(args, bag, chosen, matcher, rig)


def evaluate(args: argparse.Namespace, bag: 'Bag', chosen: 'Chosen', matcher: 'Matcher',
             rig: 'StereoRig | None') -> int:
    """Run the matcher over the bag, and write what came of it, even if the run is interrupted."""
    from ..evaluation.recordings.bag_outputs import BagOutputs
    from ..evaluation.recordings.bag_run import BagRun
    from ..evaluation.recordings.recording_results import RecordingResults
    results = RecordingResults(args.out, chosen.task, chosen.truths, not args.no_consistency)
    options = run_options(args, rig)

    def on_score(row: 'FrameScore', frame: 'Frame') -> None:
        results.add(row, frame)
        report_progress(len(results.table))

    outputs = BagOutputs(args.out, args.save)
    run_once = BagRun(bag, chosen, matcher, options, outputs.write, on_score)
    problems: list[str] = []
    try:
        with outputs:
            run_once.run()
    except KeyboardInterrupt:
        problems.append('interrupted')
    except (PanMatchError, OSError) as error:
        problems.append(f'ended early: {" ".join(str(error).split())}')
    problems += run_once.problems()
    print(results.table.describe())
    report = describe(args, chosen, matcher, run_once, problems)
    paths = results.write(report, {'bag': str(args.bag), 'task': chosen.task,
                                   'topics': topics_of(chosen), 'matcher': matcher.name,
                                   'backend': matcher.backend, 'precision': matcher.precision,
                                   'options': options_of(args, options), 'versions': versions()})
    results.close()
    for path in paths:
        print(path)
    for text in report.notes[len(chosen.notes):]:
        note(text)
    for text in problems:
        note(f'error: {text}')
    if problems:
        note(f'the results are those of {len(results.table)} frames, and are kept')
    return 1 if problems else 0


def describe(args: argparse.Namespace, chosen: 'Chosen', matcher: 'Matcher', run_once: 'BagRun',
             problems: list[str]) -> 'RunReport':
    """Collect what is told about the run."""
    from ..evaluation.recordings.recording_report import RunReport
    names = ', '.join(camera.image for camera in chosen.cameras)
    return RunReport(f'panmatch bag {args.bag.name}',
                     f'{chosen.task} of {names} with {matcher.name} ({matcher.backend})',
                     run_once.counts, problems, run_once.notes())


def run_options(args: argparse.Namespace, rig: 'StereoRig | None') -> 'RunOptions':
    """Translate the options."""
    from ..evaluation.recordings.bag_matching import MatchingOptions
    from ..evaluation.recordings.bag_run import RunOptions
    from ..evaluation.recordings.frame_evaluator import EvaluationOptions
    changes: dict[str, Any] = {}
    if args.min_confidence is not None:
        changes = dict.fromkeys(('stereo_confidence', 'flow_confidence'), args.min_confidence)
    return RunOptions(MatchingOptions(back=not args.no_consistency, **changes),
                      EvaluationOptions(args.truth_tolerance, args.max_depth),
                      tolerance_ns=round((args.sync_tolerance or 0.0) * 1e9), rig=rig)


def options_of(args: argparse.Namespace, options: 'RunOptions') -> dict[str, Any]:
    """Options as they were used, for results.json."""
    return {**dataclasses.asdict(options.matching), **dataclasses.asdict(options.evaluation),
            'sync_tolerance_s': args.sync_tolerance or 0.0, 'save': args.save,
            'calibration': [str(path) for path in args.calib] if args.calib else None,
            'min_disparity': args.min_disparity, 'max_disparity': args.max_disparity,
            **network_options(args)}


def topics_of(chosen: 'Chosen') -> dict[str, Any]:
    """Topics that were read, for results.json."""
    return {'images': [camera.image for camera in chosen.cameras],
            'camera_infos': [camera.info for camera in chosen.cameras],
            'rectify': chosen.rectify, 'truths': chosen.truths}


def prepare(args: argparse.Namespace) -> None:
    """
    Make the folder ready.

    :raises ConfigError: if it must not be written to.
    """
    from ..evaluation.recordings.bag_outputs import BAG, FILES, remove_outputs
    from ..evaluation.recordings.recording_results import WRITTEN
    if args.bag.resolve() == args.out.resolve() or args.bag.resolve().parent == args.out.resolve():
        raise ConfigError(f'--out {args.out} holds the bag itself; name another folder')
    names = (*WRITTEN, BAG, FILES)
    check_out(args.out, names, args.overwrite)
    if any((args.out / name).exists() for name in names):
        remove_outputs(args.out)
    args.out.mkdir(parents=True, exist_ok=True)


def _calibration(args: argparse.Namespace, chosen: 'Chosen') -> 'StereoRig | None':
    """Read --calib, which fills in for camera_info."""
    if not args.calib:
        return None
    if chosen.task == 'flow':
        raise ConfigError('--calib is for stereo, and the task is flow')
    if len(args.calib) > 2:
        raise ConfigError(f'--calib takes one or two files, got {len(args.calib)}')
    from ..data.calibration import load_rig
    chosen.problems.clear()
    return load_rig(*args.calib)


def report_progress(frames: int) -> None:
    """Say now and then how far it is."""
    if frames % PROGRESS_FRAMES == 0:
        note(f'{frames} frames')


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch bag: {text}', file=sys.stderr)
