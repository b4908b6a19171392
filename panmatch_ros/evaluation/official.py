"""
The numbers of a dataset as its benchmark counts them.

The tables of an evaluation average over pairs, so that matchers can be compared pair by pair. The
benchmarks of KITTI, Sintel and Spring pool the pixels of all pairs instead, and those of
Middlebury and ETH3D have numbers of their own.
"""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from ..data.sample import Annotation, Sample
from .metrics.benchmarks import (
    KittiMetrics,
    SintelMetrics,
    SpringMaps,
    SpringMetrics,
    kitti_metrics,
    sintel_metrics,
    spring_metrics,
)
from .metrics.middlebury import BAD_PX, QUANTILES_PERCENT, MiddleburyMetrics, middlebury_metrics
from .metrics.region_errors import add_regions
from .pair_score import PairScore
from .results import finite_or_none

Numbers = dict[str, float]


@dataclass(frozen=True)
class OfficialLine:
    """
    What one matcher did, as the benchmark counts.

    :param dataset: name of the dataset.
    :param task: of the pairs.
    :param matcher: label of the matcher.
    :param pairs: number of pairs that it has a result for.
    :param total: number of pairs with truth, those it failed on among them; a benchmark wants
        a result for each.
    :param numbers: by what the benchmark calls them, with the unit.
    """

    dataset: str
    task: str
    matcher: str
    pairs: int
    total: int
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Benchmark:
    """
    How a benchmark counts.

    :param measure: compares a result with what is known about its pair.
    :param sum_up: makes numbers of those of all pairs; of stereo or flow.
    """

    measure: Callable[[np.ndarray, Annotation], Any]
    sum_up: Callable[[Sequence[Any], str], Numbers]


def measure_official(sample: Sample, result: np.ndarray, annotation: Annotation) -> object:
    """
    Compare a result with what is known about its pair, as the benchmark of its dataset does.

    :param sample: the pair.
    :param result: (H, W) disparity or (H, W, 2) flow, pixels; NaN is invalid.
    :param annotation: of the pair, with truth.
    :returns: for :func:`official_lines`; None if the dataset has no benchmark for this task.
    :raises PanMatchError: if truth and result do not fit.
    """
    if sample.dataset not in BENCHMARKS or sample.task not in ('stereo', 'flow'):
        return None
    return BENCHMARKS[sample.dataset].measure(result, annotation)


def official_lines(samples: Sequence[Sample], scores: Sequence[PairScore]) -> list[OfficialLine]:
    """
    Sum up the numbers of all datasets among the pairs that have a benchmark.

    :param samples: the pairs of a run.
    :param scores: of these pairs, with ``official``.
    :returns: a line for each dataset, task and matcher; without pairs whose truth is not known.
    """
    datasets = {(sample.task, sample.name): sample.dataset for sample in samples}
    groups: dict[tuple[str, str, str], list[PairScore]] = {}
    for score in scores:
        dataset = datasets[score.task, score.pair]
        if dataset in BENCHMARKS and (score.official is not None or score.error):
            groups.setdefault((dataset, score.task, score.matcher), []).append(score)
    lines = []
    for (dataset, task, matcher), mine in groups.items():
        parts = [score.official for score in mine if score.official is not None]
        if parts:
            lines.append(OfficialLine(dataset, task, matcher, len(parts), len(mine),
                                      BENCHMARKS[dataset].sum_up(parts, task)))
    return lines


def plain_lines(lines: Sequence[OfficialLine]) -> list[dict[str, Any]]:
    """Arrange lines for JSON; numbers that do not exist are None."""
    return [{**vars(line), 'numbers': {name: finite_or_none(value)
                                       for name, value in line.numbers.items()}}
            for line in lines]


def _truth(result: np.ndarray, annotation: Annotation) -> np.ndarray:
    if annotation.candidates is not None:
        return annotation.candidates
    truth = annotation.disparity if result.ndim == 2 else annotation.flow
    assert truth is not None  # such pairs are left out
    return truth


def _kitti(result: np.ndarray, annotation: Annotation) -> KittiMetrics:
    return kitti_metrics(result, _truth(result, annotation), annotation.non_occluded,
                         annotation.foreground)


def _kitti_2015(parts: Sequence[KittiMetrics], task: str) -> Numbers:
    pooled, name = add_regions(parts), 'D1' if task == 'stereo' else 'Fl'
    return {f'{name}-{region} %{suffix}': each.outlier_percent
            for suffix, regions in (
                ('', (pooled.background, pooled.foreground, pooled.all)),
                (' (noc)', (pooled.noc_background, pooled.noc_foreground, pooled.noc)))
            for region, each in zip(('bg', 'fg', 'all'), regions, strict=True)}


def _kitti_2012(parts: Sequence[KittiMetrics], _task: str) -> Numbers:
    pooled = add_regions(parts)
    return {'Out-Noc 3 px %': pooled.noc.three_px_percent,
            'Out-All 3 px %': pooled.all.three_px_percent,
            'Avg-Noc px': pooled.noc.epe_px, 'Avg-All px': pooled.all.epe_px}


def _sintel(result: np.ndarray, annotation: Annotation) -> SintelMetrics:
    return sintel_metrics(result, _truth(result, annotation), annotation.non_occluded)


def _sintel_table(parts: Sequence[SintelMetrics], _task: str) -> Numbers:
    pooled = add_regions(parts)
    return {'EPE all px': pooled.all.epe_px, 'EPE matched px': pooled.matched.epe_px,
            'EPE unmatched px': pooled.unmatched.epe_px, 's0-10 px': pooled.s0_10.epe_px,
            's10-40 px': pooled.s10_40.epe_px, 's40+ px': pooled.s40_plus.epe_px}


def _spring(result: np.ndarray, annotation: Annotation) -> SpringMetrics:
    matched = annotation.non_occluded
    maps = SpringMaps(unmatched=None if matched is None else ~matched)
    return spring_metrics(result, _truth(result, annotation), maps)


def _spring_table(parts: Sequence[SpringMetrics], task: str) -> Numbers:
    pooled = add_regions(parts)
    regions = {'total': pooled.total, 'matched': pooled.matched, 'unmatched': pooled.unmatched,
               's0-10': pooled.s0_10, 's10-40': pooled.s10_40, 's40+': pooled.s40_plus}
    shares = {f'1px {name} %': each.one_px_percent for name, each in regions.items()}
    if task == 'stereo':
        return {**shares, 'Abs px': pooled.total.epe_px, 'D1 %': pooled.total.outlier_percent}
    return {**shares, 'EPE px': pooled.total.epe_px, 'Fl %': pooled.total.outlier_percent,
            'WAUC %': pooled.total.wauc_percent}


def _middlebury(result: np.ndarray, annotation: Annotation) -> MiddleburyMetrics:
    return middlebury_metrics(result, _truth(result, annotation), annotation.non_occluded)


def _middlebury_table(parts: Sequence[MiddleburyMetrics], _task: str) -> Numbers:
    """Average over images, each with the same weight; regions that no image has are left out."""
    numbers: Numbers = {}
    for suffix, name in ((' (nonocc)', 'non_occluded'), (' (all)', 'all')):
        mine = [getattr(part, name) for part in parts]
        columns = {f'bad {limit:.1f} %': [each.bad_percent[index] for each in mine]
                   for index, limit in enumerate(BAD_PX)}
        columns |= {'avgerr px': [each.average_px for each in mine],
                    'rms px': [each.rms_px for each in mine]}
        columns |= {f'A{share} px': [each.quantiles_px[index] for each in mine]
                    for index, share in enumerate(QUANTILES_PERCENT)}
        for title, values in columns.items():
            known = [value for value in values if math.isfinite(value)]
            if known:
                numbers[f'{title}{suffix}'] = sum(known) / len(known)
    return numbers


BENCHMARKS = {
    'kitti2015': Benchmark(_kitti, _kitti_2015), 'kitti2012': Benchmark(_kitti, _kitti_2012),
    'sintel': Benchmark(_sintel, _sintel_table), 'spring': Benchmark(_spring, _spring_table),
    'middlebury': Benchmark(_middlebury, _middlebury_table),
    'eth3d': Benchmark(_middlebury, _middlebury_table)}
