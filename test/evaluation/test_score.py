"""Step 2: numbers of every task, by hand; failures; nothing is matched."""
from dataclasses import replace
import math

from evaluation_cases import SIZE, contender, make_sample
import numpy as np
import pytest
from two_view_scene import motion

from panmatch_ros.core.errors import FormatError
from panmatch_ros.data.sample import Annotation
from panmatch_ros.evaluation.predict import predict_pairs
from panmatch_ros.evaluation.prediction import Prediction
from panmatch_ros.evaluation.run_folder import RunFolder
from panmatch_ros.evaluation.score import NO_PREDICTION, Entrants, score_pairs, score_prediction
from panmatch_ros.evaluation.score_dense import homography_flow
from panmatch_ros.evaluation.score_sparse import estimate_homography, matches_of

HEIGHT, WIDTH = SIZE


def scored(tmp_path, samples, *names_and_values, failures=None):
    """Score matchers that say one value; give the scores."""
    folder = RunFolder(tmp_path / 'run')
    contenders = [contender(name, value) for name, value in names_and_values]
    predict_pairs(samples, contenders, folder)
    labels = [name for name, _ in names_and_values]
    return score_pairs(samples, folder, Entrants(
        dict.fromkeys(('stereo', 'flow'), labels), failures or {}))


def test_stereo(tmp_path):
    score, = scored(tmp_path, [make_sample(tmp_path, 'a')], ('x', 5))
    assert (score.pair, score.task, score.matcher, score.size) == ('a', 'stereo', 'x', SIZE)
    assert score.error == ''
    assert score.numbers['epe_px'] == 1
    assert score.numbers['truth_pixels'] == HEIGHT * WIDTH
    assert [score.numbers[f'bad_{limit}_percent'] for limit in ('0_5', '1', '2', '3', '4')] == [
        100, 0, 0, 0, 0]
    assert score.numbers['d1_all_percent'] == 0
    assert score.milliseconds > 0
    assert score.reliability.pixels.sum() == HEIGHT * WIDTH
    # All pixels are equally wrong: no order is better than another.
    assert score.numbers['confidence_ause'] == pytest.approx(0)
    np.testing.assert_allclose(score.sparsification.error_px, 1)


def test_flow(tmp_path):
    truth = np.zeros((*SIZE, 2), np.float32)
    sample = make_sample(tmp_path, 'a', 'flow', Annotation(flow=truth))
    score, = scored(tmp_path, [sample], ('x', 5))
    assert score.numbers['epe_px'] == pytest.approx(math.hypot(5, 5))
    assert score.numbers['fl_all_percent'] == 100
    assert 'd1_all_percent' not in score.numbers


def test_confidence_that_knows_the_error(tmp_path):
    """The confidence rises to the right, and the right half is right."""
    truth = np.full(SIZE, 4, np.float32)
    truth[:, :WIDTH // 2] = 14
    sample = make_sample(tmp_path, 'a', annotation=Annotation(disparity=truth))
    score, = scored(tmp_path, [sample], ('x', 4))
    assert score.numbers['confidence_auroc'] == 1
    assert score.numbers['confidence_ause'] == pytest.approx(0, abs=1e-6)
    assert score.sparsification.error_px[10] == pytest.approx(0)


def test_regions(tmp_path):
    truth = np.full(SIZE, 4, np.float32)
    truth[:, :8] = 14                         # hidden, and wrong by 10 px
    non_occluded = np.ones(SIZE, bool)
    non_occluded[:, :8] = False
    foreground = np.zeros(SIZE, bool)
    foreground[:, :16] = True                 # half of it is hidden
    sample = make_sample(tmp_path, 'a', annotation=Annotation(
        disparity=truth, non_occluded=non_occluded, foreground=foreground))
    numbers = scored(tmp_path, [sample], ('x', 4))[0].numbers
    assert numbers['d1_all_percent'] == 25
    assert (numbers['d1_noc_percent'], numbers['epe_noc_px']) == (0, 0)
    assert (numbers['d1_fg_percent'], numbers['d1_bg_percent']) == (50, 0)


def test_nearest_of_four_truths_counts(tmp_path):
    """Truth of Spring: four values for each pixel."""
    candidates = np.stack([np.full(SIZE, value, np.float32) for value in (0, 9, 4.5, 20)])
    sample = make_sample(tmp_path, 'a', annotation=Annotation(
        disparity=np.full(SIZE, 9, np.float32), candidates=candidates))
    assert scored(tmp_path, [sample], ('x', 4))[0].numbers['epe_px'] == 0.5


@pytest.mark.parametrize(('truth', 'text'), [
    (np.zeros((24, 33), np.float32), 'the truth has 33x24 pixels, the first image 32x24'),
    (np.full(SIZE, np.nan, np.float32), 'no known pixel')])
def test_truth_that_does_not_fit(tmp_path, truth, text):
    sample = make_sample(tmp_path, 'a', annotation=Annotation(disparity=truth))
    score, = scored(tmp_path, [sample], ('x', 4))
    assert not score.is_measured
    assert text in score.error


def test_truth_that_cannot_be_read_fails_for_all(tmp_path):
    def annotate():
        raise FormatError('truth.png: damaged')

    sample = replace(make_sample(tmp_path, 'a'), annotate=annotate)
    scores = scored(tmp_path, [sample, make_sample(tmp_path, 'b')], ('x', 4), ('y', None))
    assert [score.error for score in scores] == [
        'truth.png: damaged', 'truth.png: damaged', '', NO_PREDICTION]


def test_failures_of_step_1_stay(tmp_path):
    """An older prediction under the same name does not hide them."""
    samples = [make_sample(tmp_path, 'a')]
    scores = scored(tmp_path, samples, ('x', 4),
                    failures={('stereo', 'a', 'x'): 'out of luck'})
    assert scores[0].error == 'out of luck'
    assert not scores[0].is_measured


def test_without_truth_there_is_a_time(tmp_path):
    score, = scored(tmp_path, [make_sample(tmp_path, 'a', annotation=Annotation())], ('x', 4))
    assert (score.error, score.is_measured, score.reliability) == ('', False, None)
    assert score.milliseconds > 0


def test_notes_and_scale_of_the_truth_are_kept(tmp_path):
    annotation = Annotation(disparity=np.full(SIZE, 4, np.float32), note='guessed', scale=16.0,
                            scale_origin='the name')
    score, = scored(tmp_path, [make_sample(tmp_path, 'a', annotation=annotation)], ('x', 4))
    assert (score.truth_note, score.truth_scale, score.scale_origin) == (
        'guessed', 16, 'the name')


# Tasks whose numbers are computed from the flow.

BIG = (240, 320)
HOMOGRAPHY = np.array([[1.02, 0.03, 5], [-0.02, 0.98, 3], [1e-5, 2e-5, 1]])


def flow_prediction(flow, size1=BIG):
    confidence = np.isfinite(flow).all(axis=2).astype(np.float32)
    return Prediction(flow.astype(np.float32), confidence, 1.0, size1)


def score_of(tmp_path, task, flow, annotation):
    sample = make_sample(tmp_path, 'a', task, annotation, BIG)
    return score_prediction(sample, annotation, flow_prediction(flow), 'x')


def test_homography(tmp_path):
    flow = homography_flow(HOMOGRAPHY, BIG, BIG)
    annotation = Annotation(homography=HOMOGRAPHY)
    right = score_of(tmp_path, 'homography', flow, annotation).numbers
    assert right['corner_error_px'] < 0.01
    assert right['epe_px'] == 0
    assert right['matching_accuracy_1_percent'] == 100
    shifted = score_of(tmp_path, 'homography', flow + np.array([3, 4]), annotation)
    assert shifted.numbers['corner_error_px'] == pytest.approx(5, abs=0.05)
    assert shifted.numbers['epe_px'] == pytest.approx(5)
    assert shifted.numbers['matching_accuracy_3_percent'] == 0
    assert shifted.numbers['matching_accuracy_5_percent'] > 0
    assert shifted.reliability is not None


def test_flow_of_a_homography():
    flow = homography_flow(np.array([[1, 0, 10], [0, 1, 0], [0, 0, 1.0]]), (4, 20), (4, 20))
    assert (flow[:, :10] == (10, 0)).all()
    assert np.isnan(flow[:, 10:]).all()


def test_no_homography_is_an_infinite_error(tmp_path):
    empty = np.full((*BIG, 2), np.nan)
    numbers = score_of(tmp_path, 'homography', empty, Annotation(homography=HOMOGRAPHY)).numbers
    assert numbers['corner_error_px'] == math.inf
    assert numbers['matches'] == 0
    assert estimate_homography(matches_of(flow_prediction(empty))) is None


def test_pose(tmp_path):
    K = np.array([[300.0, 0, 159.5], [0, 300, 119.5], [0, 0, 1]])
    T_1_0 = motion(3.0, (0.3, 0.02, 0.05))
    x, y = np.meshgrid(np.arange(BIG[1]), np.arange(BIG[0]))
    depth = 3 + np.sin(x / 25) + np.cos(y / 30)
    points = np.linalg.inv(K) @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1) * depth.ravel()
    moved = K @ (T_1_0[:3, :3] @ points + T_1_0[:3, 3:])
    flow = (moved[:2] / moved[2]).T.reshape(*BIG, 2) - np.stack([x, y], axis=-1)
    annotation = Annotation(K0=K, K1=K, T_1_0=T_1_0)
    score = score_of(tmp_path, 'pose', flow, annotation)
    assert score.numbers['pose_error_deg'] < 0.1
    assert score.numbers['inliers'] > 1000
    assert score.reliability is None
    turned = Annotation(K0=K, K1=K, T_1_0=motion(10.0, (0, 1, 0)) @ T_1_0)
    wrong = score_of(tmp_path, 'pose', flow, turned).numbers
    assert wrong['rotation_error_deg'] == pytest.approx(10, abs=0.2)
    none = score_of(tmp_path, 'pose', np.full((*BIG, 2), np.nan), annotation).numbers
    assert (none['pose_error_deg'], none['matches']) == (math.inf, 0)
    assert not score_of(tmp_path, 'pose', flow, Annotation(T_1_0=T_1_0)).is_measured


def test_points(tmp_path):
    flow = np.full((*BIG, 2), 2.0)
    flow[:10] = np.nan
    points0 = np.array([[20.0, 20], [30, 40], [50, 60], [70, 5]])
    # Off by 0, 2 and 8 px; the last has no match.
    points1 = points0 + np.array([[2, 2], [2, 4], [2, 10], [2, 2]])
    numbers = score_of(tmp_path, 'points', flow,
                       Annotation(points0=points0, points1=points1)).numbers
    assert [numbers[f'pck_{limit}_px_percent'] for limit in (1, 3, 5, 10)] == [25, 50, 50, 75]
    assert numbers['points'] == 4
    assert numbers['median_error_px'] == 5  # between 2 and 8
