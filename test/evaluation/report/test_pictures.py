"""Pictures of a pair: colours compare, one column for each matcher."""
import cv2
from evaluation_cases import SIZE
import numpy as np
import pytest

from panmatch_ros.data.sample import Annotation
from panmatch_ros.evaluation.prediction import Prediction
from panmatch_ros.evaluation.report.pictures import Views, encode, paint_pair


def result(value, task='stereo'):
    shape = SIZE if task == 'stereo' else (*SIZE, 2)
    values = np.full(shape, 4, np.float32)
    values[:, :SIZE[1] // 2] = value
    return Prediction(values, np.ones(SIZE, np.float32), 1.0, SIZE)


def views(results, task='stereo', annotation=None):
    if annotation is None:
        truth = np.full(SIZE, 4, np.float32)
        truth[:2] = np.nan
        annotation = Annotation(disparity=truth)
    image = np.full((*SIZE, 3), 90, np.uint8)
    return Views('a', task, image, image, annotation, results)


def test_pictures_of_a_pair_have_one_column_for_each_matcher():
    rows = paint_pair(views({'x': result(5), 'y': None, 'z': result(6)}))
    assert [row.name for row in rows] == ['disparity', 'error', 'confidence']
    assert [row.source.title for row in rows] == ['truth', 'left image', 'right image']
    assert [[cell and cell.title for cell in row.cells] for row in rows][1] == [
        'a, x: error', None, 'a, z: error']
    assert rows[1].legend == ('error', 0.0, 2.0)


def test_without_truth_there_is_no_error():
    rows = paint_pair(views({'x': result(5, 'flow')}, 'flow', Annotation()))
    assert [(row.name, row.source.title) for row in rows] == [
        ('flow', 'first image'), ('confidence', 'second image')]


def test_error_maps_of_a_pair_compare():
    """The same error has the same colour whoever made it."""
    error = paint_pair(views({'x': result(5), 'y': result(12)}))[1]
    x, y = (cell.rgb.astype(int) for cell in error.cells)
    right, wrong = (slice(4, None), slice(20, None)), (slice(4, None), slice(0, 12))
    assert (x[right] == y[right]).all()
    assert np.abs(x[wrong].mean((0, 1)) - y[wrong].mean((0, 1))).max() > 80
    assert (x[:2] == 120).all()  # where the truth is not known


@pytest.mark.parametrize(('task', 'annotation', 'names'), [
    ('pose', Annotation(), ['flow', 'confidence', 'matches']),
    ('homography', Annotation(homography=np.eye(3)), ['flow', 'error', 'confidence', 'matches']),
    ('points', Annotation(points0=np.ones((3, 2)), points1=np.ones((3, 2))),
     ['flow', 'confidence', 'matches'])])
def test_sparse_tasks_show_matches(task, annotation, names):
    rows = paint_pair(views({'x': result(5, 'flow')}, task, annotation))
    assert [row.name for row in rows] == names
    assert rows[-1].cells[0].rgb.shape == (24, 2 * 32 + 6, 3)
    assert (rows[-1].source is None) == (task != 'points')


def test_wide_pictures_are_reduced():
    jpeg = encode(np.zeros((50, 100, 3), np.uint8), 40)
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1)
    assert decoded.shape == (20, 40, 3)
