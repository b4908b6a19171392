"""The numbers of each task: what they are called, and how those of many pairs become one."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from .metrics.dense import BAD_THRESHOLDS_PX, OUTLIERS
from .metrics.homography import AUC_LIMITS_PX
from .metrics.intervals import Interval, difference_interval, mean_interval, statistic_interval
from .metrics.points import PIXEL_LIMITS
from .metrics.pose import AUC_LIMITS_DEG
from .metrics.recall_curve import recall_auc
from .pair_score import MILLISECONDS, PairScore

LESS, MORE, NEITHER = 'less', 'more', ''
REGIONS = ('noc', 'bg', 'fg')  # not occluded; background and foreground of KITTI


@dataclass(frozen=True)
class Metric:
    """
    One number of a task.

    :param name: as ``results.json`` calls it.
    :param title: as the head of a table has it, with the unit.
    :param digits: behind the point.
    :param better: ``LESS`` or ``MORE`` is better, or ``NEITHER``.
    :param source: number of a pair that it is computed from.
    :param auc_limit: 0: the mean over the pairs. Else the area under their recall curve up to
        this limit, percent; a pair has none of it.
    """

    name: str
    title: str
    digits: int
    better: str
    source: str
    auc_limit: float = 0.0

    def of_pair(self, score: PairScore) -> float:
        """Give the number of a pair; NaN if it has none."""
        return score.value(self.name)

    def over(self, scores: Sequence[PairScore]) -> Interval:
        """
        Give the number of many pairs and its interval.

        :param scores: of one matcher.
        """
        values = [score.value(self.source) for score in scores]
        if not self.auc_limit:
            return mean_interval(values)
        return statistic_interval(partial(_auc_percent, limit=self.auc_limit), np.array(values))

    def difference(self, first: Sequence[PairScore], second: Sequence[PairScore]) -> Interval:
        """
        Give the difference of two matchers, first minus second, and its interval.

        :param first: of one matcher.
        :param second: of the other, the same pairs in the same order.
        """
        values = [[score.value(self.source) for score in scores] for scores in (first, second)]
        if not self.auc_limit:
            return difference_interval(*values)
        return statistic_interval(partial(_auc_difference, limit=self.auc_limit),
                                  np.array(values).T)


def mean_of(name: str, title: str, digits: int, better: str = LESS) -> Metric:
    """Describe a number that every pair has, and whose mean is that of many."""
    return Metric(name, title, digits, better, name)


def metrics_of(task: str) -> tuple[Metric, ...]:
    """
    List the numbers of a task, the most important one first.

    :param task: one of :data:`..data.sample.TASKS`.
    """
    return METRICS[task]


def headline_metric(task: str) -> Metric:
    """
    Give the number that matchers are compared by; failures count in it.

    :param task: one of :data:`..data.sample.TASKS`.
    """
    return METRICS[task][0]


def main_metric(task: str) -> Metric:
    """
    Give the number that pairs are sorted by, the largest is worst.

    :param task: one of :data:`..data.sample.TASKS`.
    """
    return next(each for each in METRICS[task] if not each.auc_limit and each.better == LESS)


def _auc_percent(errors: np.ndarray, limit: float) -> float:
    return 100 * recall_auc(errors, limit)


def _auc_difference(errors: np.ndarray, limit: float) -> float:
    """Difference of two matchers whose errors are the columns."""
    return _auc_percent(errors[:, 0], limit) - _auc_percent(errors[:, 1], limit)


def bad_name(limit_px: float) -> str:
    """Name the share of pixels with a larger error."""
    return f'bad_{limit_px:g}_percent'.replace('.', '_')


def outliers_name(task: str) -> str:
    """
    Name the share of outliers as KITTI does.

    :param task: 'stereo' or 'flow'.
    """
    return f'{OUTLIERS[task].lower().replace("-", "_")}_percent'


def pck_name(limit_px: float) -> str:
    """Name the share of marked points that are not further off."""
    return f'pck_{limit_px:g}_px_percent'


def region_name(name: str, region: str) -> str:
    """
    Name a number of a part of the pixels: 'epe_px' of 'noc' is 'epe_noc_px'.

    :param name: of the number of all pixels.
    :param region: 'noc', 'bg' or 'fg'.
    """
    start, _, unit = name.replace('_all', '').rpartition('_')
    return f'{start}_{region}_{unit}'


_CONFIDENCE = (mean_of('confidence_auroc', 'AUROC', 3, MORE),
               mean_of('confidence_calibration_error', 'ECE', 3),
               mean_of('confidence_ause', 'AUSE', 3))
_TIME = mean_of(MILLISECONDS, 'ms', 0)


def _dense(task: str) -> tuple[Metric, ...]:
    return (mean_of('epe_px', 'EPE px', 3),
            *(mean_of(bad_name(limit), f'bad-{limit:g} %', 2) for limit in BAD_THRESHOLDS_PX),
            mean_of(outliers_name(task), f'{OUTLIERS[task]} %', 2),
            mean_of('density_percent', 'valid %', 1, NEITHER), *_CONFIDENCE, _TIME)


def _regions(task: str) -> tuple[Metric, ...]:
    """Numbers of parts of the pixels; datasets that do not know them have none."""
    outliers, title = outliers_name(task), OUTLIERS[task].removesuffix('all')
    return (mean_of(region_name('epe_px', 'noc'), 'EPE-noc px', 3),
            *(mean_of(region_name(outliers, region), f'{title}{region} %', 2)
              for region in REGIONS))


METRICS = {
    'stereo': (*_dense('stereo'), *_regions('stereo')),
    'flow': (*_dense('flow'), *_regions('flow')),
    'pose': (
        *(Metric(f'pose_auc_{limit:g}_percent', f'AUC@{limit:g}° %', 1, MORE, 'pose_error_deg',
                 limit) for limit in AUC_LIMITS_DEG),
        mean_of('pose_error_deg', 'pose error °', 2),
        mean_of('rotation_error_deg', 'rotation °', 2),
        mean_of('translation_error_deg', 'translation °', 2),
        mean_of('matches', 'matches', 0, NEITHER), _TIME),
    'homography': (
        *(Metric(f'corner_auc_{limit:g}_percent', f'AUC@{limit:g} px %', 1, MORE,
                 'corner_error_px', limit) for limit in AUC_LIMITS_PX),
        mean_of('corner_error_px', 'corner error px', 2),
        mean_of('epe_px', 'EPE px', 3), mean_of(bad_name(3.0), 'bad-3 %', 2),
        mean_of('matching_accuracy_3_percent', 'matches to 3 px %', 1, MORE),
        mean_of('matches', 'matches', 0, NEITHER), *_CONFIDENCE, _TIME),
    'points': (
        *(mean_of(pck_name(limit), f'PCK@{limit:g} px %', 1, MORE) for limit in PIXEL_LIMITS),
        mean_of('mean_accuracy_percent', 'mAA %', 1, MORE),
        mean_of('median_error_px', 'median error px', 2),
        mean_of('points', 'points', 0, NEITHER), _TIME),
}
