"""HTML report of a whole run: the worst first, and that nothing is missing."""
import re

from evaluation_cases import contender, make_sample
from html_checker import check
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.sample import Annotation
from panmatch_ros.evaluation.metrics.confidence import BINS, Reliability
from panmatch_ros.evaluation.pair_score import PairScore
from panmatch_ros.evaluation.report.page import report_page, write_report
from panmatch_ros.evaluation.report.picture_files import read_pictures
from panmatch_ros.evaluation.report.reliability_plot import reliability_plot
from panmatch_ros.evaluation.report.svg_plot import HEIGHT, LEFT, TOP
from panmatch_ros.evaluation.run import Plan, predict_run, score_run
from panmatch_ros.evaluation.run_folder import CURVES, PICTURES, RESULTS, RunFolder


@pytest.fixture
def run(tmp_path):
    """Evaluate three pairs with two matchers; the second fails on flow of 'c'."""
    samples = [make_sample(tmp_path, 'a/<1>'), make_sample(tmp_path, 'b'),
               make_sample(tmp_path, 'c', 'flow')]
    samples[1].image0.write_text('no image')
    folder = RunFolder(tmp_path / 'run')
    plan = Plan(samples, {'title': 'panmatch evaluate <dir>'})
    entrants = predict_run(plan, [contender('nano', 5), contender('<other>', 7)], folder)
    score_run(plan, folder, entrants)
    return folder


def test_page_has_every_pair_and_matcher(run):
    page = write_report(run).read_text()
    checker = check(page)
    # What failed is first.
    assert checker.ids == ['stereo-b', 'stereo-a_2f__3c_1_3e_', 'flow-c']
    assert page.count('<figure>') == 2 * 9
    assert 'panmatch evaluate &lt;dir&gt;' in page
    assert '&lt;other&gt;' in page
    assert '<other>' not in page
    assert '<1>' not in page
    assert 'b-0.png: expected an image' in page
    assert 'Mean of stereo <small>2 pairs' in page
    assert 'Over the 1 of 2 pairs' in page
    # Time, sparsification and confidence of each task, and the confidence of both.
    assert page.count('<svg') == 2 * 3 + 1


def test_page_needs_nothing_else(run):
    page = write_report(run).read_text()
    assert 'http' not in page.replace('http://www.w3.org/2000/svg', '')
    assert '<script' not in page
    assert 'url(' not in page
    assert set(re.findall(r'(?:src|href)="(.{5})', page)) <= {'data:', '#ster', '#flow'}


def test_page_is_a_function_of_the_folder(run, tmp_path):
    first = write_report(run).read_bytes()
    moved = RunFolder(tmp_path / 'moved')
    run.path.rename(moved.path)
    for image in tmp_path.glob('*.png'):
        image.unlink()
    (moved.path / 'report.html').unlink()
    assert write_report(moved).read_bytes() == first


def test_many_pairs_have_few_pictures(tmp_path):
    samples = [make_sample(tmp_path, f'{index:02d}') for index in range(6)]
    folder = RunFolder(tmp_path / 'run')
    plan = Plan(samples, {'title': 't'}, pictures=2)
    score_run(plan, folder, predict_run(plan, [contender('x', 5)], folder))
    page = write_report(folder).read_text()
    checker = check(page)
    assert len(checker.ids) == 2
    assert '2 of 6 pairs have pictures below' in page
    assert page.count('<figure>') == 2 * 6
    plan = Plan(samples, {'title': 't'}, pictures=1)
    score_run(plan, folder, predict_run(plan, [contender('x', 5)], folder))
    assert len(list((folder.path / 'pictures').glob('*.jpg'))) == 6


def test_files_of_others_stay(run):
    mine = run.path / 'pictures' / 'holiday.jpg'
    mine.write_bytes(b'sea')
    (run.path / 'pictures' / 'pictures.json').unlink()
    plan = Plan([], {'title': 't'})
    score_run(plan, run, predict_run(plan, [], run))
    assert mine.read_bytes() == b'sea'


def test_page_of_nothing_known(tmp_path):
    folder = RunFolder(tmp_path / 'run')
    plan = Plan([make_sample(tmp_path, 'a', annotation=Annotation())], {'title': 't'})
    score_run(plan, folder, predict_run(plan, [contender('x', 5)], folder))
    page = write_report(folder).read_text()
    check(page)
    assert '<svg' not in page
    assert 'truth not known' in page


def test_no_run_or_a_damaged_one(run, tmp_path):
    with pytest.raises(ConfigError, match=r'none has no results\.json; name the folder'):
        write_report(RunFolder(tmp_path / 'none'))
    (run.path / CURVES).write_text('{"curves": [')
    with pytest.raises(FormatError, match=r'curves\.json is damaged'):
        write_report(run)
    (run.path / CURVES).write_text('[]')
    with pytest.raises(FormatError, match='expected an object, found list'):
        write_report(run)
    with pytest.raises(FormatError, match=r'pictures\.json is damaged'):
        read_pictures({'pairs': [{'task': 'flow'}]}, run)
    (run.path / PICTURES).unlink()
    (run.path / RESULTS).unlink()
    with pytest.raises(ConfigError, match='has no results'):
        write_report(run)


@pytest.fixture
def two_bins():
    """30 pixels of 0.1 of which none is right, 90 of 0.9 of which two thirds are."""
    pixels, confidence, right = np.zeros((3, BINS))
    pixels[1], confidence[1] = 30, 3
    pixels[-1], confidence[-1], right[-1] = 90, 81, 60
    return Reliability(pixels, confidence, right)


def test_reliability_plot(two_bins):
    empty = Reliability(*np.zeros((3, BINS)))
    plot = reliability_plot('all <x>', {'none': empty, 'a&b': two_bins})
    check(plot)
    diagonal, curve = ([tuple(map(float, point.split(','))) for point in found.split()]
                       for found in re.findall(r'points="([^"]+)"', plot))
    assert diagonal == [(LEFT, TOP + HEIGHT), (LEFT + HEIGHT, TOP)]
    assert curve == [pytest.approx((LEFT + 0.1 * HEIGHT, TOP + HEIGHT), abs=0.06),
                     pytest.approx((LEFT + 0.9 * HEIGHT, TOP + HEIGHT / 3), abs=0.06)]
    assert 'a&amp;b: calibration error 0.200' in plot  # (3 + 21) / 120
    assert 'none' not in plot.replace('fill="none"', '')
    assert 'all &lt;x&gt;' in plot


def test_report_of_scores_alone():
    scores = [PairScore(pair, 'stereo', 'x', (4, 4), {'epe_px': 1.0}, 10.0) for pair in 'ab']
    page = report_page('t', scores, {})
    check(page)
    assert '0 of 2 pairs have pictures' in page
