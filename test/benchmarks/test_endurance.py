"""The endurance benchmark: what it makes of numbers, what it calls broken, and a short run."""
import fcntl
import json
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / 'benchmarks'
COUNTERS = {'images_received': 200, 'frames_received': 98, 'frames_processed': 60,
            'frames_dropped': 34, 'frames_late': 1, 'frames_rejected': 2, 'frames_skipped': 1,
            'frames_waiting': 1, 'sync_failures': 2}
OUTPUTS = {'disparity': 60, 'points2': 60}


@pytest.fixture(scope='module')
def report():
    sys.path.insert(0, str(BENCHMARKS))
    import endurance_report
    sys.path.remove(str(BENCHMARKS))
    return endurance_report


def test_pairs_that_are_all_accounted_for(report):
    numbers = report.account(210, COUNTERS, OUTPUTS)
    assert numbers['images_lost_in_transport'] == 10
    assert (numbers['drops_counted'], numbers['drops_real']) == (37, 37)
    assert report.account_problems(numbers) == []


@pytest.mark.parametrize(('counters', 'outputs', 'expected'), [
    ({'frames_dropped': 33}, {}, ['98 pairs were received, but 97 processed',
                                  '36 drops were counted, but 37 of the pairs received']),
    ({}, {'points2': 59}, ['37 drops were counted, but 38 of the pairs received']),
    ({'frames_waiting': 0}, {}, ['98 pairs were received, but 97',
                                 '37 drops were counted, but 38']),
    ({'sync_failures': 4}, {}, ['200 images were received, but 201 paired, late or without']),
    ({'images_received': 210}, {}, ['210 images were received, but 199 paired']),
    ({'images_received': 212, 'sync_failures': 14}, {}, ['more images were received than']),
    ({'frames_processed': 0, 'frames_dropped': 94}, {'disparity': 0, 'points2': 0},
     ['nothing was processed']),
])
def test_what_does_not_add_up(report, counters, outputs, expected):
    problems = report.account_problems(report.account(210, COUNTERS | counters, OUTPUTS | outputs))
    assert len(problems) == len(expected), problems
    for problem, part in zip(problems, expected, strict=True):
        assert part in problem


def test_memory_that_grows_steadily(report):
    times_s = np.arange(0, 601, 10.0)
    numbers = report.memory_numbers(times_s, 100 + times_s / 60)
    assert numbers == pytest.approx({
        'start_mib': 100 + 25 / 60, 'end_mib': 100 + 575 / 60, 'peak_mib': 110,
        'growth_percent': 100 * (575 - 25) / (6000 + 25), 'trend_mib_per_min': 1})


def test_one_peak_is_no_growth(report):
    numbers = report.memory_numbers(range(40), [100.0] * 38 + [200.0] + [100.0])
    assert (numbers['peak_mib'], numbers['growth_percent']) == (200, 0)


def test_steps_tell_when_the_memory_changed(report):
    assert report.steps([0, 1, 2, 3, 4], [100.0, 100.05, 100.2, 100.25, 99.0]) == [
        (0, 100.0), (2, 100.2), (4, 99.0)]


def test_percentiles_of_ages(report):
    assert report.percentiles([]) == {}
    assert report.percentiles(range(101)) == {'p50': 50, 'p95': 95, 'max': 100}


def numbers_of(report, **changes):
    phase = {'name': 'flood', 'recovery_s': 0.2, 'camera_hz': 200.0, 'rate_hz': 9.0,
             'error_px': 0.2, 'memory_mib': 301.0}
    age = {'p50': 100.0, 'p95': 150.0, 'max': 200.0}
    return {'account': report.account(210, COUNTERS, OUTPUTS), 'rate_hz': 10.0, 'camera_hz': 30.0,
            'age_ms': {'when published': {}, 'at the listener': age},
            'memory': report.memory_numbers([0, 60], [100.0, 101.0]), 'cpu': {'node': 1.1},
            'error_px': 0.2, 'exit_code': 0, 'disturbances': [phase | changes.pop('phase', {})],
            **changes}


@pytest.mark.parametrize(('changes', 'expected'), [
    ({'error_px': 0.6}, 'a disparity was 0.60 px off'),
    ({'error_px': float('nan')}, 'a disparity was nan px off'),
    ({'exit_code': -9}, 'the node ended with exit code -9'),
    ({'phase': {'recovery_s': 5.1}}, 'flood: 5.1 s until the first output'),
    ({'phase': {'error_px': float('inf')}}, 'flood: a disparity was inf px off'),
])
def test_broken_limits(report, changes, expected):
    assert report.broken_limits(numbers_of(report)) == []
    assert report.broken_limits(numbers_of(report, **changes)) == [expected]


def test_memory_that_grows_too_much(report):
    memory = report.memory_numbers([0, 60], [100.0, 102.5])
    assert report.broken_limits(numbers_of(report, memory=memory)) == [
        'the memory grew by 2.5 %, more than 2 %']


def test_table(report):
    lines = report.table(numbers_of(report)).splitlines()
    assert 'p50 100, p95 150, max 200' in lines[1]
    assert any('98 = 60 processed + 34 dropped + 2 rejected + 1 skipped + 1 waiting' in line
               for line in lines)
    assert lines[-1].split() == ['flood', '0.20', '200.0', '9.0', '0.20', '301.0']


@pytest.mark.ros
def test_only_shared_memory_without_an_owner_is_removed(tmp_path):
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
    sys.path.insert(0, str(BENCHMARKS))
    from endurance_camera import remove_without_owner
    sys.path.remove(str(BENCHMARKS))
    dead, alive, port = (tmp_path / f'fastrtps_{name}' for name in ('dead', 'alive', 'port'))
    for segment in (dead, alive, port):
        segment.touch()
    locks = [segment.with_name(f'{segment.name}_el') for segment in (dead, alive)]
    for lock in locks:
        lock.touch()
    with locks[1].open() as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        remove_without_owner({dead, alive, port})
    assert sorted(tmp_path.iterdir()) == sorted([alive, locks[1], port])


@pytest.mark.ros
@pytest.mark.slow
def test_a_short_run_with_all_disturbances(tmp_path):
    """Memory still grows in the first seconds; nothing else may be broken."""
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
    file = tmp_path / 'numbers.json'
    result = subprocess.run(
        [sys.executable, str(BENCHMARKS / 'endurance.py'), '--minutes', '0.05', '--warm-up', '1',
         '--size', '96x160', '--disturb', '--watch', '1', '--json', str(file)],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert file.exists(), result.stderr
    numbers = json.loads(file.read_text())
    broken = [text for text in numbers['broken_limits'] if 'the memory grew' not in text]
    assert broken == [], result.stdout
    assert result.returncode == bool(numbers['broken_limits'])
    account = numbers['account']
    assert account['drops_counted'] == account['drops_real']
    assert account['outputs_disparity'] == account['outputs_points2'] > 0
    assert [phase['name'] for phase in numbers['disturbances']] == [
        'camera killed and restarted', 'half the size', 'full size again',
        '30 s back, as a bag that loops', '30 s forward', 'flood of 200 Hz', 'after the flood']
    assert all(phase['rate_hz'] > 0 for phase in numbers['disturbances'])
    assert numbers['memory_steps'][0][1] > 0
    assert 0 < numbers['age_ms']['at the listener']['p95'] < 60_000
    assert 'after the flood' in result.stdout
