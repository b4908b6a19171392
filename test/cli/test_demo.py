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
from panmatch_ros.cli.demo_rig import OBJECT_STEP_M
from panmatch_ros.cli.main import main
from panmatch_ros.core.disparity import depth_from_disparity, points_from_depth
from panmatch_ros.core.errors import ImageError, MissingDependencyError
from panmatch_ros.data.images import read_image


@pytest.fixture(scope='module')
def inputs(tmp_path_factory):
    return demo_inputs.prepare_inputs(tmp_path_factory.mktemp('input'), True, lambda _: None)


@pytest.fixture
def records(inputs):
    """Give perfect records of all nodes."""
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
    y, x = (grid.ravel() for grid in np.mgrid[4:470:20, 100:600:20])
    points0 = np.stack([x, y], axis=-1).astype(np.float32)
    match = {'correspondences.points0': points0,
             'correspondences.points1': points0 - np.stack([truth[y, x], 0 * x], axis=-1),
             'pose.position': np.array([1.0, 0, 0]), 'pose.orientation': np.array([0, 0, 0, 1.0]),
             'matches/image_color': left}
    rates = {'count': 20, 'rate_hz': 5.0, 'latency_median_ms': 1.0, 'latency_p95_ms': 2.0}
    return [demo_processes.Record(task, True, arrays, {'correspondences': rates},
                                  {'matcher': 'classical', 'frames_dropped': '3'},
                                  {f'{task}_node': 0, f'{task}_player': 0})
            for task, arrays in (('stereo', stereo), ('flow', flow), ('match', match),
                                 ('perception', perfect_scene_flow(inputs.rig_sequence)))]


def perfect_scene_flow(sequence):
    """Give what the perception node should publish of the first two places."""
    older, newer = sequence.scenes[:2]
    velocity = np.zeros((*newer.nearest.shape, 3), np.float32)
    velocity[newer.nearest] = np.array(OBJECT_STEP_M) / 0.25
    return {'left/image_rect': newer.left, 'left/image_rect.before': older.left,
            'flow.dt': np.array(0.25), 'scene_flow.velocity': velocity,
            'moving': np.where(newer.nearest, 255, 0).astype(np.uint8)}


def failed(inputs, records):
    return [check.name for check in demo_checks.check_all(inputs, records) if not check.passed]


def test_perfect_records_pass_every_check(inputs, records):
    checks = demo_checks.check_all(inputs, records)
    assert len(checks) == 16
    assert failed(inputs, records) == []


def spoiled(record, **arrays):
    return replace(record, arrays={**record.arrays, **arrays})


@pytest.mark.parametrize(('task', 'change', 'name'), [
    ('stereo', lambda record: spoiled(record, disparity=record.arrays['disparity'] + 3),
     'disparity against ground truth'),
    ('stereo', lambda record: spoiled(record, depth=record.arrays['depth'] * 1.01),
     'depth = f * T / disparity'),
    ('stereo', lambda record: spoiled(record, points2=record.arrays['points2'] + 0.01),
     'points lie on the rays of their pixels'),
    ('flow', lambda record: spoiled(record, flow=-record.arrays['flow']),
     'flow explains the motion'),
    ('flow', lambda record: spoiled(record, flow=0 * record.arrays['flow']),
     'flow explains the motion'),
    ('match', lambda record: spoiled(record, **{'correspondences.points1': record.arrays[
        'correspondences.points1'] + 3}), 'matches against ground truth'),
    ('match', lambda record: spoiled(record, **{'pose.position': np.array([-1.0, 0, 0])}),
     'pose of the right camera'),
    ('match', lambda record: spoiled(record, **{'pose.orientation': np.array(
        [0, np.sin(0.02), 0, np.cos(0.02)])}), 'pose of the right camera'),
    ('perception', lambda record: spoiled(record, **{
        'scene_flow.velocity': -record.arrays['scene_flow.velocity']}),
     'scene flow against ground truth'),
    ('perception', lambda record: spoiled(record, **{
        'scene_flow.velocity': record.arrays['scene_flow.velocity'] + np.float32(0.01)}),
     'scene flow against ground truth'),
    ('perception', lambda record: spoiled(record, **{'flow.dt': np.array(0.5)}),
     'scene flow against ground truth'),
    ('perception', lambda record: spoiled(record, **{
        'scene_flow.velocity': record.arrays['scene_flow.velocity'] * np.nan}),
     'scene flow against ground truth'),
    ('perception', lambda record: spoiled(record, moving=255 - record.arrays['moving']),
     'what moves is found'),
    ('perception', lambda record: spoiled(record, moving=0 * record.arrays['moving']),
     'what moves is found'),
    ('stereo', lambda record: replace(record, exit_codes={'stereo_node': -9}),
     'stereo: exit codes after Ctrl-C'),
    ('stereo', lambda record: replace(record, complete=False), 'stereo: every output arrives'),
    *((task, lambda record: replace(record, arrays={}), f'{task} outputs')
      for task in ('stereo', 'flow', 'match', 'perception')),
])
def test_every_check_can_fail(inputs, records, task, change, name):
    record = next(record for record in records if record.task == task)
    assert name in failed(inputs, [change(record)])


def test_an_object_that_rests_is_right_if_nothing_moves(inputs, records):
    perception = records[3]
    left = perception.arrays['left/image_rect']
    rests = spoiled(perception, moving=0 * perception.arrays['moving'], **{
        'left/image_rect.before': left,
        'scene_flow.velocity': 0 * perception.arrays['scene_flow.velocity']})
    assert failed(inputs, [rests]) == []
    assert failed(inputs, [spoiled(perception, **{'left/image_rect.before': left})]) == [
        'scene flow against ground truth', 'what moves is found']


def test_matches_need_the_messages_of_this_package(inputs, records):
    match = replace(next(record for record in records if record.task == 'match'), topics={})
    details = {check.name: check.detail for check in demo_checks.check_all(inputs, [match])}
    assert details['matches against ground truth'] == (
        'not recorded: the messages of this package are not built')


def test_the_sequence_tells_where_its_images_were_taken(inputs):
    sequence = inputs.rig_sequence
    images = [read_image(path) for path in sorted(sequence.left.iterdir())]
    assert [sequence.place_of(image) for image in images] == [0, 1, 2, 3, 4, 3, 2, 1]
    assert len(list(sequence.right.iterdir())) == len(images)
    assert sequence.object_motion_m(images[1], images[2]) == pytest.approx(OBJECT_STEP_M)
    assert sequence.object_motion_m(images[4], images[6]) == pytest.approx(
        -2 * np.array(OBJECT_STEP_M))
    with pytest.raises(ImageError, match='the image is none of the rendered sequence'):
        sequence.place_of(255 - images[0])


def test_page_names_numbers_and_shows_every_picture(inputs, records, tmp_path):
    checks = demo_checks.check_all(inputs, records)
    page = demo_page.write_page(tmp_path, inputs, records, checks, '<h2>side by side</h2>')
    text = page.read_text()
    pictures = re.findall(r'<img src="([^"]+)"', text)
    assert len(pictures) == 13
    assert 'The stereo_node ran the matcher auto, which took <b>classical</b>' in text
    order = [text.index(f'<h2>{part}') for part in ('Outputs', 'side by side', 'Checks')]
    assert order == sorted(order)
    for task in ('flow', 'match', 'perception'):
        assert f'The {task}_node ran the matcher auto' in text
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
def test_demo_runs_the_nodes_and_passes_its_checks(tmp_path):
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
    for task in ('stereo', 'flow', 'match', 'perception'):
        record = json.loads((tmp_path / 'out' / task / 'record.json').read_text())
        assert record['topics']
        assert all(topic['count'] >= 4 for topic in record['topics'].values())


def test_the_flow_is_recorded_and_counted_once(inputs):
    (_, flow), (_, perception) = demo_processes.planned_runs(inputs)
    assert flow.topics.split() == ['image', 'flow', 'flow/confidence', 'flow/image_color']
    assert 'optical_flow' not in perception.topics.split()


@pytest.mark.ros
def test_node_that_dies_ends_the_demo_with_its_last_words(inputs, tmp_path):
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup')
    broken = replace(inputs, video=tmp_path / 'missing.avi.png')
    with pytest.raises(demo_processes.PanMatchError, match='flow_player ended with exit code 1'):
        demo_processes.record_nodes(broken, tmp_path, 1, 20.0)
