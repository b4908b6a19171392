"""The demo, from start to page, on rendered images."""
from dataclasses import replace
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from panmatch_ros.cli import demo_checks, demo_inputs, demo_page, demo_processes
from panmatch_ros.cli.main import main
from panmatch_ros.core.disparity import depth_from_disparity, points_from_depth
from panmatch_ros.core.errors import MissingDependencyError
from panmatch_ros.data.images import read_image


@pytest.fixture(scope='module')
def inputs(tmp_path_factory):
    return demo_inputs.prepare_inputs(tmp_path_factory.mktemp('input'), True, lambda _: None)


@pytest.fixture
def records(inputs):
    """Give perfect records of both nodes."""
    rig, truth = inputs.rig, inputs.disparity_truth.astype(np.float32)
    depth = depth_from_disparity(truth, rig)
    left = read_image(inputs.left)
    stereo = {'left/image_rect': left, 'disparity': truth - np.float32(rig.cx_offset_px),
              'disparity.f': np.array(rig.focal_px), 'disparity.t': np.array(rig.baseline_m),
              'depth': depth, 'confidence': np.ones_like(depth),
              'points2': points_from_depth(depth, rig.left), 'points2.rgb': left}
    image = read_image(inputs.video / '000.png')
    flow = {'image.before': image, 'image': np.roll(image, 3, axis=1),
            'flow': np.full((*image.shape[:2], 2), (3, 0), np.float32),
            'flow/confidence': np.ones(image.shape[:2], np.float32),
            'flow/image_color': image}
    rates = {'count': 20, 'rate_hz': 5.0, 'latency_median_ms': 1.0, 'latency_p95_ms': 2.0}
    return [demo_processes.Record(task, True, arrays, {'some/topic': rates},
                                  {'matcher': 'classical', 'frames_dropped': '3'},
                                  {f'{task}_node': 0, f'{task}_player': 0})
            for task, arrays in (('stereo', stereo), ('flow', flow))]


def failed(inputs, records):
    return [check.name for check in demo_checks.check_all(inputs, records) if not check.passed]


def test_perfect_records_pass_every_check(inputs, records):
    checks = demo_checks.check_all(inputs, records)
    assert len(checks) == 8
    assert failed(inputs, records) == []


def spoiled(record, **arrays):
    return replace(record, arrays={**record.arrays, **arrays})


@pytest.mark.parametrize(('change', 'name'), [
    (lambda stereo, flow: [spoiled(stereo, disparity=stereo.arrays['disparity'] + 3), flow],
     'disparity against ground truth'),
    (lambda stereo, flow: [spoiled(stereo, depth=stereo.arrays['depth'] * 1.01), flow],
     'depth = f * T / disparity'),
    (lambda stereo, flow: [spoiled(stereo, points2=stereo.arrays['points2'] + 0.01), flow],
     'points lie on the rays of their pixels'),
    (lambda stereo, flow: [stereo, spoiled(flow, flow=-flow.arrays['flow'])],
     'flow explains the motion'),
    (lambda stereo, flow: [stereo, spoiled(flow, flow=0 * flow.arrays['flow'])],
     'flow explains the motion'),
    (lambda stereo, flow: [replace(stereo, exit_codes={'stereo_node': -9}), flow],
     'stereo: exit codes after Ctrl-C'),
    (lambda stereo, flow: [replace(stereo, complete=False), flow],
     'stereo: every output arrives'),
    (lambda stereo, flow: [stereo, replace(flow, arrays={})], 'flow outputs'),
])
def test_every_check_can_fail(inputs, records, change, name):
    assert name in failed(inputs, change(*records))


def test_page_names_numbers_and_shows_every_picture(inputs, records, tmp_path):
    checks = demo_checks.check_all(inputs, records)
    page = demo_page.write_page(tmp_path, inputs, records, checks, '<h2>side by side</h2>')
    text = page.read_text()
    pictures = re.findall(r'<img src="([^"]+)"', text)
    assert len(pictures) == 9
    assert 'The stereo_node ran the matcher auto, which took <b>classical</b>' in text
    order = [text.index(f'<h2>{part}') for part in ('Outputs', 'side by side', 'Checks')]
    assert order == sorted(order)
    assert 'The flow_node ran the matcher auto' in text
    for picture in pictures:
        assert read_image(tmp_path / picture).ndim == 3
    assert 'all checks passed' in text
    assert '<td class=number>5.0</td>' in text
    assert 'rendered scene with exact ground truth' in text


def test_no_network_means_rendered_images_and_says_so(tmp_path, monkeypatch):
    said = []

    def fail():
        raise MissingDependencyError('no network')

    monkeypatch.setattr(demo_inputs, 'RENDERED_SIZE', (48, 64))
    monkeypatch.setattr(demo_inputs, 'find_samples', lambda: None)
    monkeypatch.setattr(demo_inputs, 'fetch_samples', fail)
    inputs = demo_inputs.prepare_inputs(tmp_path, False, said.append)
    assert 'rendered' in inputs.origin
    assert any('no network' in line for line in said)
    assert any('rendered scene with exact ground truth instead' in line for line in said)


def test_without_ros_the_demo_says_what_to_do(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(demo_processes.importlib.util, 'find_spec', lambda name: None)
    assert main(['demo', '--out', str(tmp_path)]) == 1
    assert 'run `make demo`, or source your ROS 2' in capsys.readouterr().err


@pytest.mark.ros
@pytest.mark.slow
def test_demo_runs_both_nodes_and_passes_its_checks(tmp_path):
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup')
    env = {**os.environ, 'ROS_DOMAIN_ID': str(os.getpid() % 100 + 1),
           'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    result = subprocess.run(
        [sys.executable, '-m', 'panmatch_ros.cli.main', 'demo', '--offline', '--frames', '4',
         '--out', 'out'], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=150,
        check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'all checks passed' in result.stdout
    assert (tmp_path / 'out' / 'index.html').exists()
    record = json.loads((tmp_path / 'out' / 'stereo' / 'record.json').read_text())
    assert all(topic['count'] >= 4 for topic in record['topics'].values())


@pytest.mark.ros
def test_node_that_dies_ends_the_demo_with_its_last_words(inputs, tmp_path):
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup')
    broken = replace(inputs, video=tmp_path / 'missing.avi.png')
    with pytest.raises(demo_processes.PanMatchError, match='flow_player ended with exit code 1'):
        demo_processes.record_nodes(broken, tmp_path, 1, 20.0)
