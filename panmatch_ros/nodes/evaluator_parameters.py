"""Parameters of evaluator_node."""
from dataclasses import replace
from types import SimpleNamespace

from ..core.errors import ConfigError
from ..evaluation.recordings.frame_evaluator import (
    DEFAULT_MAX_DEPTH_M,
    DEFAULT_TOLERANCE_S,
    TRUTHS,
)
from ..evaluation.recordings.frame_table import TASKS
from ..inference.factory import MatcherOptions
from . import parameters
from .settings import Spec

WITHOUT = ('input_timeout_seconds', 'build_only')  # of the matcher nodes
RANGE = ('min_disparity', 'max_disparity', 'disparity_range')
KINDS = {'stereo': ('depth', 'disparity', 'lidar'), 'flow': ('flow',), 'perception': TRUTHS}

EVALUATOR_NODE = (
    Spec('out', '', 'folder for frames.csv, results.json and report.html; made if it does not '
         'exist', live=False),
    Spec('overwrite', False, 'replace the results of an earlier run in that folder', live=False),
    Spec('task', 'stereo', 'what is evaluated: stereo_node, flow_node or perception_node, or a '
         'node with the same outputs', choices=TASKS, live=False),
    Spec('prediction', 'disparity', 'stereo and perception: the topic that is evaluated; depth is '
         'that of the left camera', choices=('disparity', 'depth'), live=False),
    Spec('truths', '', 'topics of ground truth to compare with, separated by commas: depth, '
         'disparity, flow (ground_truth/...), lidar (lidar/points)', live=False),
    Spec('truth_tolerance_seconds', DEFAULT_TOLERANCE_S,
         'largest difference of the stamps of frame and truth (s)', 0.0, 10.0, live=False),
    Spec('max_depth_m', DEFAULT_MAX_DEPTH_M, 'farther truth is not counted (m)', 0.001, 1e6,
         live=False),
    Spec('rectify', False, 'the images come raw (image_raw), and are rectified as by stereo_node',
         live=False),
    Spec('check_consistency', False, 'match the direction back here, with the matcher of the '
         'parameters below, to compare the two; this costs as much as matching', live=False),
    Spec('queue_limit', 200, 'messages that wait to be evaluated; beyond, they are lost and '
         'counted', 1, 100000, live=False),
    *(replace(spec, live=False) for spec in (
        *parameters.INPUTS, *parameters.SYNC, *parameters.MATCHER,
        *(spec for spec in parameters.STEREO if spec.name in RANGE))
      if spec.name not in WITHOUT),
)


def check_values(values: SimpleNamespace) -> None:
    """
    Look at a whole set of values.

    :raises ConfigError: if they do not go together.
    """
    if not values.out:
        raise ConfigError('set out to the folder to write to')
    kinds = KINDS[values.task]
    unknown = [kind for kind in truths_of(values) if kind not in kinds]
    if unknown:
        raise ConfigError(f'truths must be among {", ".join(kinds)} for the task {values.task}, '
                          f'got {", ".join(unknown)}')
    matcher_options_of(values)


def truths_of(values: SimpleNamespace) -> list[str]:
    """List the kinds of ground truth that are asked for."""
    return [kind.strip() for kind in values.truths.split(',') if kind.strip()]


def matcher_options_of(values: SimpleNamespace) -> MatcherOptions:
    """Options of the matcher for the direction back."""
    return parameters.matcher_options(SimpleNamespace(**{**vars(values), 'build_only': False}))
