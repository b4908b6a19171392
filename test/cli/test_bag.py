"""panmatch bag: files, exit status, what is said, and the same numbers every time."""
import csv
import json
import sys

import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags
from rosbags.rosbag2 import Reader

from panmatch_ros.cli import bag as verb
from panmatch_ros.cli.main import main
from panmatch_ros.data.bags.types import typestore
from panmatch_ros.data.bags.writer import BagWriter
from panmatch_ros.data.calibration import write_middlebury_calib
from panmatch_ros.data.ros_arrays import disparity_of
from panmatch_ros.evaluation.recordings.bag_outputs import SAVES
from panmatch_ros.evaluation.recordings.frame_table import LATENCY, TASKS
from panmatch_ros.inference.classical import ClassicalMatcher


@pytest.fixture
def run(tmp_path, capsys):
    """Run the verb; give status, what was printed, and the folder of the results."""
    def call(path, *options, out='out'):
        status = main(['bag', str(path), '--out', str(tmp_path / out), '--matcher', 'classical',
                       *map(str, options)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err, tmp_path / out
    return call


def table(folder):
    with (folder / 'frames.csv').open() as file:
        return list(csv.DictReader(file))


def test_choices_are_those_of_the_modules():
    assert verb.SAVES == SAVES
    assert list(verb.TASKS) == ['auto', *TASKS]


def test_scores_report_and_outputs(run, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 3, [bags.disparity_truth])
    status, out, err, folder = run(path)
    assert status == 0
    assert 'guessed by their names (override: --left, --right' in err
    assert 'disparity truth /gt/disparity, guessed' in err
    assert 'error' not in err
    assert out.splitlines()[-3:] == [str(folder / name) for name in (
        'frames.csv', 'results.json', 'report.html')]
    assert [row['stamp_ns'] for row in table(folder)] == [
        str(bags.stamp_of(index)) for index in range(3)]
    assert max(float(row['disparity_epe_px']) for row in table(folder)) < 0.05
    results = json.loads((folder / 'results.json').read_text())
    assert results['topics'] == {
        'images': [bags.LEFT, bags.RIGHT], 'camera_infos': [bags.LEFT_INFO, bags.RIGHT_INFO],
        'rectify': False, 'truths': {'disparity': '/gt/disparity'}}
    assert (results['matcher'], results['backend'], results['problems']) == (
        'classical', 'opencv', [])
    assert results['options']['stereo_confidence'] == 0.2
    assert 'Scores of 3 frames' in (folder / 'report.html').read_text()


def test_new_bag_and_files_hold_the_outputs(run, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    folder = run(path, '--task', 'perception')[3]
    found = {}
    with Reader(folder / 'outputs') as reader:
        for connection, log_ns, data in reader.messages():
            message = typestore().deserialize_cdr(data, connection.msgtype)
            found.setdefault(connection.topic, []).append((log_ns, message))
    assert {topic: len(messages) for topic, messages in found.items()} == {
        '/panmatch/disparity': 2, '/panmatch/depth': 2, '/panmatch/depth/camera_info': 2,
        '/panmatch/confidence': 2, '/panmatch/optical_flow': 1}
    log_ns, message = found['/panmatch/disparity'][1]
    assert message.header.stamp.nanosec == 100_000_000
    assert message.header.frame_id == bags.FRAME
    assert log_ns == bags.START_NS + 7_000_000
    arrays = np.load(folder / 'frames' / f'{bags.stamp_of(1)}.npz')
    np.testing.assert_array_equal(arrays['disparity'], disparity_of(message, ''))
    assert set(arrays) == {'disparity', 'confidence', 'depth', 'flow', 'flow_confidence'}
    assert sorted(file.name for file in (folder / 'frames').glob('*.png')) == [
        f'{bags.stamp_of(0)}_disparity.png', f'{bags.stamp_of(1)}_disparity.png',
        f'{bags.stamp_of(1)}_flow.png']


@pytest.mark.parametrize(('save', 'bag', 'files'), [
    ('bag', True, False), ('files', False, True), ('none', False, False)])
def test_what_is_saved(run, tmp_path, save, bag, files):
    folder = run(bags.stereo_bag(tmp_path / 'bag', 1), '--save', save)[3]
    assert (folder / 'outputs').exists() is bag
    assert (folder / 'frames').exists() is files


def test_two_runs_give_the_same_table_but_for_the_latency(run, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 3, [bags.disparity_truth])
    first, again = (run(path, '--task', 'perception', '--save', 'none', out=out)[3]
                    for out in ('first', 'again'))

    def without_latency(folder):
        lines = (folder / 'frames.csv').read_text().splitlines()
        assert lines[0].endswith(f',{LATENCY}')
        return [line.rpartition(',')[0] for line in lines]
    assert without_latency(first) == without_latency(again)


def test_results_are_replaced_only_if_asked_and_nothing_else_is(run, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    folder = run(path)[3]
    (folder / 'frames' / 'notes.txt').write_text('mine')
    status, _, err, _ = run(path)
    assert status == 1
    assert f'{folder / "frames.csv"} exists; name another folder, or add --overwrite' in err
    status = run(path, '--overwrite', '--save', 'bag')[0]
    assert status == 0
    assert [file.name for file in (folder / 'frames').iterdir()] == ['notes.txt']
    assert (folder / 'outputs' / 'metadata.yaml').is_file()


def test_a_cut_bag_keeps_its_frames_and_says_so(run, tmp_path):
    pixels = tuple(np.random.default_rng(0).integers(0, 256, (240, 320), np.uint8)
                   for _ in range(2))
    rig = bags.RIG.ideal((240, 320), 100.0, 0.2)
    messages = [each for index in range(20)
                for each in bags.pair_messages(index, pixels, rig=rig)]
    path = bags.write_bag(tmp_path / 'bag', messages)
    file = next(path.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:int(0.6 * file.stat().st_size)])
    status, _, err, folder = run(path, '--save', 'none', '--no-consistency')
    assert status == 1
    assert 'without its index, within a chunk' in err
    rows = len(table(folder))
    assert 8 <= rows <= 12
    assert f'the results are those of {rows} frames, and are kept' in err
    assert 'without its index' in json.loads(
        (folder / 'results.json').read_text())['problems'][0]


def test_a_calibration_file_stands_in_for_camera_info(run, tmp_path):
    messages = [*bags.pair_messages(0)[2:], bags.depth_truth(0, 2.5)]
    path = bags.write_bag(tmp_path / 'bag', messages)
    status, _, err, folder = run(path, '--save', 'none', out='without')
    assert status == 1
    assert 'no camera_info for /left/image_rect' in err
    assert table(folder)[0]['depth_abs_rel'] == ''
    write_middlebury_calib(tmp_path / 'calib.txt', bags.RIG)
    status, _, err, folder = run(path, '--calib', tmp_path / 'calib.txt', out='with')
    assert status == 0
    assert float(table(folder)[0]['depth_abs_rel']) < 0.01


def test_flow_of_one_camera(run, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 3)
    status, _, _, folder = run(path, '--task', 'flow', '--image', bags.LEFT, '--save', 'bag')
    assert status == 0
    assert [row['flow_valid_percent'] for row in table(folder)] == ['100', '100']


def test_sync_tolerance(run, tmp_path):
    messages = [message for index in range(3) for message in
                bags.pair_messages(index, right_delay_ns=3_000_000)]
    path = bags.write_bag(tmp_path / 'bag', messages)
    status, _, err, _ = run(path, '--save', 'none')
    assert status == 1
    assert 'no frame was matched' in err
    status, _, _, folder = run(path, '--save', 'none', '--sync-tolerance', '0.01', '--overwrite')
    assert (status, len(table(folder))) == (0, 3)


@pytest.mark.parametrize(('options', 'text'), [
    (['--calib', 'a', '--rectify'], '--calib is a calibration of rectified images'),
    (['--calib', 'a', 'b', 'c'], '--calib takes one or two files, got 3'),
    (['--task', 'flow', '--calib', 'a'], '--calib is for stereo, and the task is flow'),
    (['--left', '/nothing', '--right', bags.RIGHT], '--left /nothing: the bag has no such topic'),
    (['--detail'], '--detail is for the nano network'),
])
def test_wrong_options(run, tmp_path, options, text):
    status, _, err, folder = run(bags.stereo_bag(tmp_path / 'bag', 1), *options)
    assert status == 1
    assert text in err
    assert not folder.exists()


def test_results_never_go_to_the_bag_itself(run, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 1)
    status, _, err, _ = run(path, out='bag')
    assert status == 1
    assert 'holds the bag itself' in err


def test_no_frame_leaves_complete_files(run, tmp_path):
    messages = [message for index in range(3) for message in
                bags.pair_messages(index, right_delay_ns=3_000_000)]
    status, _, err, folder = run(bags.write_bag(tmp_path / 'bag', messages))
    assert status == 1
    assert 'no frame was matched' in err
    assert table(folder) == []
    with Reader(folder / 'outputs') as reader:
        assert reader.message_count == 0


def test_without_rosbags_it_is_said_how_to_install_it(run, tmp_path, monkeypatch):
    path = bags.stereo_bag(tmp_path / 'bag', 1)
    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    status, _, err, _ = run(path)
    assert status == 1
    assert len(err.splitlines()) == 1
    assert 'pip install rosbags' in err


def test_ctrl_c_keeps_what_there_is(run, tmp_path, monkeypatch):
    path = bags.stereo_bag(tmp_path / 'bag', 4)
    match = ClassicalMatcher.match_stereo
    calls = []

    def stop_at_the_third(self, left, right):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return match(self, left, right)

    monkeypatch.setattr(ClassicalMatcher, 'match_stereo', stop_at_the_third)
    status, _, err, folder = run(path, '--no-consistency')
    assert status == 1
    assert 'error: interrupted' in err
    assert len(table(folder)) == 2
    with Reader(folder / 'outputs') as reader:
        assert reader.message_count == 8
    assert 'Scores of 2 frames' in (folder / 'report.html').read_text()


@pytest.mark.parametrize('method', ['write', 'close'])
def test_a_full_disk_is_said_with_what_there_is(run, tmp_path, monkeypatch, method):
    def fail(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(BagWriter, method, fail)
    status, out, err, folder = run(bags.stereo_bag(tmp_path / 'bag', 4))
    assert status == 1
    assert 'error: ended early: [Errno 28] No space left on device' in err
    found = json.loads((folder / 'results.json').read_text())
    assert found['problems'][0] == 'ended early: [Errno 28] No space left on device'
    assert found['frames'] == (4 if method == 'close' else 0)
    assert ('valid %' in out) is (method == 'close')


def test_no_bag(run, tmp_path):
    status, _, err, _ = run(tmp_path / 'nothing')
    assert status == 1
    assert 'there is no such bag' in err
