"""The probe: what is measured, what is kept, and the numbers by hand."""
import json
import math

import numpy as np
from probed_pairs import ByBrightness, contender, write_samples
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.evaluation.contender import Contender
from panmatch_ros.evaluation.pair_score import PairScore
from panmatch_ros.evaluation.robustness.corruptions.damage import Damage
from panmatch_ros.evaluation.robustness.curves import (
    Condition,
    conditions_of,
    probe_results,
    robustness_of,
)
from panmatch_ros.evaluation.robustness.probe import Finding, ProbePlan, paint_damages, run_probe
from panmatch_ros.evaluation.robustness.probe_store import ProbeStore

PLAN = ProbePlan(('fog',), (1, 3))


def test_plan_lists_no_damage_first():
    plan = ProbePlan(('fog', 'rain', 'fog'), (3, 1, 3), 'second', 5)
    assert [(each.corruption, each.strength) for each in plan.damages()] == [
        ('fog', 0), ('fog', 1), ('fog', 3), ('rain', 1), ('rain', 3)]
    assert all((each.images, each.seed) == ('second', 5) for each in plan.damages())


@pytest.mark.parametrize(('values', 'text'), [
    (((), (1,)), 'at least one corruption'),
    ((('fog',), ()), 'strengths above 0, got none'),
    ((('fog',), (0, 1)), 'strengths above 0, got 0, 1'),
    ((('fog',), (6,)), 'strength must be from 0 to 5, got 6'),
    ((('snow',), (1,)), "there is no corruption 'snow'")])
def test_bad_plans(values, text):
    with pytest.raises(ConfigError, match=text):
        ProbePlan(*values)


def test_matchers_see_damage_and_the_truth_stays(tmp_path):
    samples = write_samples(tmp_path)
    told = []
    findings = run_probe(samples, [contender()], PLAN, report=told.append)
    assert told == findings
    whole, thin, thick = (finding.scores for finding in findings)
    assert [score.pair for score in whole] == ['pair 0', 'pair 1']
    assert whole[0].numbers['epe_px'] == 0
    # Fog of optical thickness 0.4: a third of the light comes from the air, which is grey 185
    # to 225. The matcher is off by as many pixels as the image is brighter.
    share = 1 - math.exp(-0.4)
    assert share * (185 - 12 - 100) < thin[0].numbers['epe_px'] < share * (225 + 12 - 100)
    assert thick[0].numbers['epe_px'] > 2 * thin[0].numbers['epe_px']
    assert all(score.reliability is None and score.sparsification is None for score in thick)


def test_what_fails_is_told_and_does_not_stop_the_others(tmp_path):
    samples = write_samples(tmp_path)
    samples[1].image0.unlink()
    findings = run_probe(samples, [contender('weak', refuses_above=130), contender('strong')],
                         PLAN)
    by_key = {(finding.damage.strength, score.pair, score.matcher): score
              for finding in findings for score in finding.scores}
    assert by_key[0, 'pair 0', 'weak (by_brightness)'].error == ''
    assert by_key[3, 'pair 0', 'weak (by_brightness)'].error == 'too bright'
    assert by_key[3, 'pair 0', 'strong (by_brightness)'].error == ''
    assert 'there is no such file' in by_key[0, 'pair 1', 'strong (by_brightness)'].error


def test_a_second_run_goes_on_where_the_first_was(tmp_path):
    samples, store = write_samples(tmp_path / 'data'), tmp_path / 'scores'
    first = run_probe(samples, [contender()], PLAN, store)
    assert sorted(path.name for path in store.iterdir()) == ['fog-1.json', 'fog-3.json',
                                                             'none.json']
    assert not any(finding.is_reused for finding in first)
    (store / 'fog-1.json').write_text('{"digest": 3')  # cut off
    again = contender()
    second = run_probe(samples, [again], PLAN, store)
    assert [finding.is_reused for finding in second] == [True, False, True]
    assert again.matcher.calls == 2
    assert conditions_of(second) == conditions_of(first)
    fresh = run_probe(samples, [contender()], PLAN, store, fresh=True)
    assert not any(finding.is_reused for finding in fresh)


@pytest.mark.parametrize('change', ['matcher', 'pairs', 'seed', 'file'])
def test_numbers_of_something_else_are_not_taken(tmp_path, change):
    samples, store = write_samples(tmp_path / 'data'), tmp_path / 'scores'
    run_probe(samples, [contender()], PLAN, store)
    who, plan = contender(), PLAN
    if change == 'matcher':
        who = contender(sensitivity=2.0)
    elif change == 'pairs':
        samples = samples[:1]
    elif change == 'seed':
        plan = ProbePlan(('fog',), (1, 3), seed=1)
    else:
        samples[0].image0.write_bytes(samples[0].image0.read_bytes() + b'\0')
    found = run_probe(samples, [who], plan, store)
    # Without damage the seed does not matter.
    assert [each.is_reused for each in found] == [change == 'seed', False, False]


def test_store_keeps_all_numbers(tmp_path):
    scores = (PairScore('a', 'stereo', 'm', (3, 4), {'epe_px': math.nan, 'x': math.inf, 'y': 1.5},
                        7.0, truth_note='guessed'),
              PairScore('b', 'stereo', 'm', error='gone'))
    store = ProbeStore(tmp_path)
    store.write(Damage('jpeg', 2.5), 'digest', scores)
    assert json.loads((tmp_path / 'jpeg-2.5.json').read_text())['digest'] == 'digest'
    found = store.read(Damage('jpeg', 2.5), 'digest')
    assert found[1].error == 'gone'
    assert math.isnan(found[1].milliseconds)
    assert math.isnan(found[0].numbers.pop('epe_px'))
    assert found[0].numbers == {'x': math.inf, 'y': 1.5}
    assert (found[0].size, found[0].milliseconds, found[0].truth_note) == ((3, 4), 7.0, 'guessed')
    assert store.read(Damage('jpeg', 2.5), 'other') is None
    assert store.read(Damage('jpeg', 2), 'digest') is None


def score(pair, epe, outliers, matcher='m', error=''):
    numbers = {} if error else {'epe_px': epe, 'd1_all_percent': outliers,
                                'density_percent': 90.0}
    return PairScore(pair, 'stereo', matcher, (8, 8), numbers, 1.0, error=error)


def test_conditions_and_robustness_by_hand():
    findings = [
        Finding(Damage('fog', 0), (score('a', 1, 10), score('b', 3, 30))),
        Finding(Damage('fog', 1), (score('a', 2, 20), score('b', 4, 40))),
        Finding(Damage('fog', 5), (score('a', 8, 100), score('b', 12, 60)))]
    whole, thin, thick = conditions_of(findings)
    assert whole == Condition('stereo', 'm', 'none', 0, 'no damage', 2, 2.0, 80.0, 90.0)
    assert (thin.corruption, thin.strength, thin.error, thin.right_percent) == ('fog', 1, 3, 70)
    assert thin.grade == '0.4 optical thickness at the median distance'
    assert (thick.error, thick.right_percent) == (10, 20)
    fog, = robustness_of([whole, thin, thick])
    assert (fog.corruption, fog.matcher) == ('fog', 'm')
    assert fog.kept_percent == pytest.approx(100 * (70 + 20) / 2 / 80)
    assert fog.error_ratio == pytest.approx((3 + 10) / 2 / 2)


def test_pairs_that_failed_once_are_left_out_everywhere():
    findings = [
        Finding(Damage('fog', 0), (score('a', 1, 10), score('b', 9, 90),
                                   score('a', 2, 20, 'n'), score('b', 2, 20, 'n'))),
        Finding(Damage('fog', 1), (score('a', 1, 10), score('b', 9, 90),
                                   score('a', 2, 20, 'n'), score('b', 0, 0, 'n', 'too dark')))]
    conditions = conditions_of(findings)
    assert [each.pairs for each in conditions] == [1, 1, 1, 1]
    assert [each.error for each in conditions] == [1, 1, 2, 2]
    results = probe_results(findings)
    assert results['failures'] == [{'pair': 'b', 'task': 'stereo', 'matcher': 'n',
                                    'corruption': 'fog', 'strength': 1, 'error': 'too dark'}]
    assert results['metrics'] == {'stereo': {'error': 'EPE px', 'right': 'D1-all %'}}
    assert [each['kept_percent'] for each in results['robustness']] == [100, 100]
    json.dumps(results, allow_nan=False)


def test_no_pair_in_common_has_no_numbers():
    findings = [Finding(Damage('fog', strength), (score('a', 0, 0, error='no'),))
                for strength in (0, 1)]
    results = probe_results(findings)
    assert [each['error'] for each in results['conditions']] == [None, None]
    assert results['robustness'][0]['kept_percent'] is None


def test_pictures_show_the_damage(tmp_path):
    sample = write_samples(tmp_path, 1)[0]
    painted = paint_damages(sample, ProbePlan(('noise', 'jpeg'), (1, 5)))
    assert list(painted) == ['noise', 'jpeg']
    titles, pictures = zip(*painted['noise'], strict=True)
    assert titles == ('pair 0, image 0', '1: 5 grey levels of 255, standard deviation',
                      '5: 40 grey levels of 255, standard deviation', '5, image 1')
    deviations = [float(picture.std()) for picture in pictures]
    assert deviations[0] == 0
    assert 2 < deviations[1] < 6
    assert 20 < deviations[2] < 40
    assert (pictures[3] != pictures[2]).any()
    second = paint_damages(sample, ProbePlan(('noise',), (5,), 'second'))['noise']
    assert [title for title, _ in second][::2] == ['pair 0, image 1', '5, image 0']
    assert float(second[2][1].std()) == 0  # image 0 is whole
    assert float(second[1][1].std()) > 20


def test_unknown_flow_is_told(tmp_path):
    """A matcher that cannot do a task fails pair by pair."""
    sample = write_samples(tmp_path, 1)[0]
    flow = type(sample)('f', 'flow', sample.image0, sample.image1)
    finding, *_ = run_probe([flow], [Contender('x', ByBrightness())], PLAN)
    assert finding.scores[0].error == 'no flow'
    assert not np.isfinite(finding.scores[0].milliseconds)
