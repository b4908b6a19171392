"""The report in a real browser without a network: it loads, and says nothing."""
from chromium import find_chromium, open_page
from evaluation_cases import contender, make_sample
import numpy as np
import pytest

from panmatch_ros.data.sample import Annotation
from panmatch_ros.evaluation.pair_score import PairScore
from panmatch_ros.evaluation.recordings.frame_evaluator import Frame, FrameScore
from panmatch_ros.evaluation.recordings.frame_scores import StereoPart
from panmatch_ros.evaluation.recordings.recording_report import RunReport
from panmatch_ros.evaluation.recordings.recording_results import RecordingResults
from panmatch_ros.evaluation.report.page import report_page, write_report
from panmatch_ros.evaluation.run import Plan, predict_run, score_run
from panmatch_ros.evaluation.run_folder import RunFolder
from panmatch_ros.evaluation.score_metrics import metrics_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None,
                       reason='chromium is missing: apt-get install chromium')]


@pytest.fixture
def page(tmp_path):
    """Evaluate two matchers on pairs of each kind, one of which fails, one without truth."""
    samples = [make_sample(tmp_path, 'a'), make_sample(tmp_path, 'b & <b>'),
               make_sample(tmp_path, 'c', 'flow'),
               make_sample(tmp_path, 'd', 'flow', Annotation()),
               make_sample(tmp_path, 'broken')]
    samples[-1].image1.write_text('no image')
    folder = RunFolder(tmp_path / 'run')
    plan = Plan(samples, {'title': 'panmatch evaluate <dir>'})
    entrants = predict_run(plan, [contender('x', 5), contender('y', 7)], folder)
    score_run(plan, folder, entrants)
    return write_report(folder)


def opened(page, tmp_path):
    profile = tmp_path / 'profile'
    profile.mkdir()
    return open_page(page, profile)


def test_report_opens_without_a_network(page, tmp_path):
    found = opened(page, tmp_path)
    assert found.problems == []
    assert found.requests == []
    pictures = [image for image in found.images if ': ' in image[0]]
    assert len(pictures) == (3 * 3 + 2) * 2     # three rows of three pairs, two of that without
    assert len(found.images) > len(pictures)
    assert [image for image in found.images if not image[1] > 0 or not image[2] > 0] == []
    assert 'panmatch evaluate <dir>' in found.text
    assert 'b & <b>' in found.text
    assert 'expected an image' in found.text


@pytest.mark.parametrize('task', ['stereo', 'flow', 'homography'])
def test_tables_of_all_numbers_fit_on_the_page(task, tmp_path):
    """As of KITTI, which has the most columns; with errors of three digits."""
    scores = [PairScore(f'pair {index}', task, matcher, (375, 1242), {
        metric.source: 100.0 + 20 * index + gain for metric in metrics_of(task)}, 1000.0 + gain)
        for index in range(6) for gain, matcher in ((0, 'classical'), (10, 'panmatch_s'))]
    page = tmp_path / 'page.html'
    page.write_text(report_page('panmatch evaluate kitti', scores, {}))
    found = opened(page, tmp_path)
    assert 'Mean of' in found.text
    assert found.too_wide == []


def test_page_of_a_recording(tmp_path):
    image = np.full((240, 320), 90, np.uint8)
    stereo = StereoPart(image, image, np.full(image.shape, 7, np.float32))
    results = RecordingResults(tmp_path, 'stereo', ['depth', 'disparity', 'lidar'], back=True)
    for index in range(5):
        row = FrameScore(index * 10 ** 8, 0, None, {
            score.name: 99.1234 + index for score in results.table.scores})
        results.add(row, Frame(row.stamp_ns, 0, index, 'camera', stereo))
    page = results.write(RunReport('panmatch bag drive', 'stereo', {}, ['one & two']), {})[2]
    results.close()
    found = opened(page, tmp_path)
    assert (found.problems, found.requests, found.too_wide) == ([], [], [])
    assert len(found.images) == 2 * 5
    assert min(width for _, width, _ in found.images) == 320
    assert 'one & two' in found.text
    assert '0.400 s' in found.text


def test_what_is_wrong_with_a_page_is_seen(page, tmp_path):
    """The checks themselves: a page that has each fault."""
    broken = tmp_path / 'broken.html'
    text = page.read_text().replace('data:image/jpeg;base64,', 'data:image/jpeg;base64,AAAA', 1)
    text = text.replace('</body>', '<img src="https://example.org/a.png" alt="far">'
                        '<script>console.error("oh"); nothing();</script>'
                        '<div class="wide"><p style="width: 9999px">long</p></div></body>')
    broken.write_text(text)
    found = opened(broken, tmp_path)
    assert found.requests == ['https://example.org/a.png']
    assert any(problem.startswith('console.error') for problem in found.problems)
    assert any(problem.startswith('exception') for problem in found.problems)
    assert len([image for image in found.images if image[1] == 0]) == 2
    assert found.too_wide == ['long']
