"""Files of a run: the worst frames with pictures, the page, and numbers as JSON."""
import json
import re

import cv2
from html_checker import check
import numpy as np
import pytest

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.evaluation.recordings.frame_evaluator import Frame, FrameScore
from panmatch_ros.evaluation.recordings.frame_scores import FlowPart, StereoPart
from panmatch_ros.evaluation.recordings.recording_report import RunReport
from panmatch_ros.evaluation.recordings.recording_results import RecordingResults
from panmatch_ros.evaluation.recordings.worst_frames import MOST_FRAMES, WorstFrames

SIZE = (12, 16)
IMAGE = np.full(SIZE, 120, np.uint8)


def frame(index, with_flow=False):
    stereo = StereoPart(IMAGE, IMAGE, np.ones(SIZE, np.float32),
                        StereoRig.ideal(SIZE, 10.0, 0.1))
    flow = FlowPart(IMAGE, IMAGE, np.ones((*SIZE, 2), np.float32), 0) if with_flow else None
    return Frame(index, 0, index, 'camera', stereo, flow)


def row(index, **scores):
    return FrameScore(index * 1_000_000_000, 0, None, scores)


def test_the_worst_frames_are_kept_worst_first():
    worst = WorstFrames()
    for index, value in enumerate([3, 9, 1, 8, 2, 7, 4, 6, 5, 9]):
        worst.add(row(index, photometric_grey=float(value)), frame(index))
    found = [(each.row.scores['photometric_grey'], each.row.stamp_ns // 1_000_000_000)
             for each in worst.frames()]
    assert found == [(9, 1), (9, 9), (8, 3), (7, 5), (6, 7), (5, 8)]
    assert len(found) == MOST_FRAMES


def test_truth_decides_before_anything_else():
    worst = WorstFrames()
    worst.add(row(0, photometric_grey=50.0, disparity_epe_px=0.5), frame(0))
    assert worst.frames()[0].criterion == 'disparity_epe_px'
    worst.add(row(1, valid_percent=1.0), frame(1))  # has nothing to decide by
    worst.add(row(2, photometric_grey=99.0), frame(2))  # its truth is not known
    assert len(worst.frames()) == 1


def test_all_are_ranked_by_one_score():
    worst = WorstFrames()
    worst.add(row(0, photometric_grey=50.0), frame(0))
    worst.add(row(1, photometric_grey=1.0, lidar_abs_rel=0.1), frame(1))
    worst.add(row(2, photometric_grey=60.0), frame(2))
    worst.add(row(3, photometric_grey=1.0, lidar_abs_rel=0.3), frame(3))
    assert [each.row.scores['lidar_abs_rel'] for each in worst.frames()] == [0.3, 0.1]


def test_pictures_are_of_the_frame():
    worst = WorstFrames()
    worst.add(row(0, photometric_grey=1.0), frame(0, with_flow=True))
    pictures = worst.frames()[0].pictures
    assert [picture.title for picture in pictures] == [
        'left image', 'disparity, blue 1 to red 1 px', 'flow']
    pixels = cv2.imdecode(np.frombuffer(pictures[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (*SIZE, 3)
    assert np.abs(pixels.astype(int) - 120).max() <= 3


@pytest.fixture
def results(tmp_path):
    results = RecordingResults(tmp_path / 'out', 'stereo', ['disparity'], back=False)
    for index in range(3):
        results.add(row(10 + index, disparity_epe_px=index + 0.5, photometric_grey=1.0),
                    frame(index))
    yield results
    results.close()


def test_page_and_numbers(results, tmp_path):
    report = RunReport('panmatch bag <drive>', 'stereo & more', {'images': 6},
                       ['bag ends at <byte> 7'], ['a note'])
    paths = results.write(report, {'task': 'stereo'})
    assert [path.name for path in paths] == ['frames.csv', 'results.json', 'report.html']
    page = paths[2].read_text()
    assert '<h1>panmatch bag &lt;drive&gt;</h1>' in page
    assert 'bag ends at &lt;byte&gt; 7' in page
    assert page.count('<polyline') == 2
    check(page)
    assert page.count('src="data:image/jpeg;base64,') == 6
    # The worst first; when it was on the axis of the diagrams, and how to find it in the bag.
    assert re.findall(r'<h3>(.*?)</h3>', page)[0] == (
        '2.000 s <small>stamp 12.000, worst by EPE px</small>')
    assert re.search(r'>EPE px</th><td class="number">3</td><td class="number">1.5</td>', page)
    assert 'http' not in page.replace('xmlns="http://www.w3.org/2000/svg"', '')
    found = json.loads(paths[1].read_text())
    assert found['frames'] == 3
    assert found['scores']['disparity_epe_px'] == {'frames': 3, 'mean': 1.5, 'median': 1.5,
                                                   'p95': pytest.approx(2.4)}
    assert found['scores']['valid_percent']['mean'] is None
    assert (found['problems'], found['notes']) == (['bag ends at <byte> 7'], ['a note'])


def test_results_can_be_written_again_with_more_frames(results, tmp_path):
    report = RunReport('a', 'b', {})
    results.write(report, {})
    results.add(row(13, disparity_epe_px=9.0), frame(3))
    results.write(report, {})
    assert json.loads((tmp_path / 'out' / 'results.json').read_text())['frames'] == 4


def test_no_frame_at_all(tmp_path):
    results = RecordingResults(tmp_path, 'flow', [], back=True)
    page = results.write(RunReport('a', 'b', {}, ['no frame was matched']), {})[2].read_text()
    results.close()
    assert 'Scores of 0 frames' in page
    assert 'No frame has a score.' in page
