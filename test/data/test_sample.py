"""Annotated pairs, and the truth that a result is compared with."""
from pathlib import Path

import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.data.sample import Annotation, Sample, nearest_truth

DISPARITY = np.array([[1, np.nan]], np.float32)


def test_unknown_tasks_are_refused():
    with pytest.raises(ConfigError, match='task must be one of stereo, flow, pose, homography, '
                       "points, got 'depth'"):
        Sample('a', 'depth', Path('a'), Path('b'))


def test_without_truth_an_annotation_is_empty():
    assert Sample('a', 'flow', Path('a'), Path('b')).annotate() == Annotation()


def test_the_truth_is_taken_as_it_is():
    truth = nearest_truth(Annotation(disparity=DISPARITY), np.zeros((1, 2), np.float32))
    np.testing.assert_array_equal(truth, DISPARITY)


def test_the_nearest_candidate_is_by_the_length_of_the_difference():
    """Not by one of its parts: (3, 3) is nearer to (0, 0) than (0, 5)."""
    candidates = np.array([[9, 9], [0, 5], [3, 3], [9, 9]], np.float32).reshape(4, 1, 1, 2)
    annotation = Annotation(flow=candidates[0], candidates=candidates)
    truth = nearest_truth(annotation, np.zeros((1, 1, 2), np.float32))
    np.testing.assert_array_equal(truth, [[[3, 3]]])
    assert truth.dtype == np.float32


@pytest.mark.parametrize(('shape', 'message'), [
    ((2, 2), r'the result has the shape \(2, 2\), the truth of it has \(1, 2\)'),
    ((1, 2, 2), r'the result has the shape \(1, 2, 2\), the truth of it has nothing'),
])
def test_results_of_another_kind(shape, message):
    with pytest.raises(ShapeError, match=message):
        nearest_truth(Annotation(disparity=DISPARITY), np.zeros(shape, np.float32))
