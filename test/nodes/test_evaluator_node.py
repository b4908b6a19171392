"""Live and offline evaluation give the same numbers; what goes wrong is said."""
import csv
from functools import partial
import json
import time

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags
from diagnostic_msgs.msg import DiagnosticArray
from ros_harness import camera_infos, image_message
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from stereo_msgs.msg import DisparityImage

from panmatch_ros.cli.main import main
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.evaluation.recordings.frame_table import LATENCY
from panmatch_ros.nodes.bag_player import BagPlayer
from panmatch_ros.nodes.evaluator_node import EvaluatorNode
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.pose_sources import STATIC_TF_QOS
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros
FRAMES = 8
PLAYED_TIME_S = 40.0


def table(folder):
    with (folder / 'frames.csv').open() as file:
        return {row['stamp_ns']: row for row in csv.DictReader(file)}


def needs_own_messages():
    pytest.importorskip('panmatch_ros.msg', reason='the messages of panmatch_ros are not built: '
                        'run make setup')


def play(graph, folder, node_class, bag, remappings=None, **parameters):
    """Play a bag through a node into the evaluator; give the evaluator."""
    evaluator = graph.add(EvaluatorNode, out=str(folder), matcher='classical',
                          use_system_default_qos=True, **parameters)
    node = graph.add(node_class, matcher='classical', use_system_default_qos=True)
    # 5 messages of a frame, 1 ms apart, take 0.2 s: time enough for every frame.
    player = graph.add(BagPlayer, bag=str(bag), rate=0.025, end_process=False, subscribers=2)
    assert graph.spin_until(lambda: player.finished, PLAYED_TIME_S), graph.log_text()
    graph.spin_until(lambda: node.worker.idle and not evaluator.worker.unfinished, 10.0)
    graph.spin_for(0.3)
    evaluator.stop()
    return evaluator


def assert_equal_numbers(live, offline, least):
    """Compare the frames that both have, if they were compared with the same frame before."""
    compared = 0
    for stamp, row in live.items():
        other = offline[stamp]
        assert list(row) == list(other)
        if row['previous_ns'] != other['previous_ns']:
            continue
        compared += 1
        for name in row.keys() - {LATENCY, 'time_s'}:
            assert (row[name] == '') == (other[name] == ''), (stamp, name)
            if row[name]:
                assert float(row[name]) == pytest.approx(float(other[name]), rel=1e-6, abs=1e-6), (
                    stamp, name)
    assert compared >= least, (len(live), len(offline))


def truths(index):
    return bags.disparity_truth(index, 8.5, topic='/ground_truth/disparity')


@pytest.mark.slow
def test_stereo_live_equals_offline(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', FRAMES, [truths])
    assert main(['bag', str(path), '--out', str(tmp_path / 'offline'), '--matcher', 'classical',
                 '--save', 'none']) == 0
    play(graph, tmp_path / 'live', StereoNode, path, truths='disparity', check_consistency=True)
    live = table(tmp_path / 'live')
    assert_equal_numbers(live, table(tmp_path / 'offline'), least=FRAMES // 2)
    row = next(iter(live.values()))
    assert float(row['disparity_epe_px']) == pytest.approx(0.5, abs=0.05)
    assert float(row['left_right_percent']) > 99
    assert float(row[LATENCY]) > 0


@pytest.mark.slow
@pytest.mark.ros_msgs
def test_perception_live_equals_offline(graph, tmp_path):
    needs_own_messages()
    path = bags.stereo_bag(tmp_path / 'bag', FRAMES, [truths])
    assert main(['bag', str(path), '--out', str(tmp_path / 'offline'), '--matcher', 'classical',
                 '--task', 'perception', '--save', 'none']) == 0
    play(graph, tmp_path / 'live', PerceptionNode, path, task='perception', truths='disparity',
         check_consistency=True)
    live = table(tmp_path / 'live')
    assert_equal_numbers(live, table(tmp_path / 'offline'), least=FRAMES // 2)
    assert sum(row['flow_temporal_px'] != '' for row in live.values()) >= 2
    assert sum(row['temporal_px'] != '' for row in live.values()) >= 2


@pytest.mark.slow
@pytest.mark.ros_msgs
def test_flow_live_equals_offline(graph, tmp_path):
    needs_own_messages()
    messages = []
    for index in range(FRAMES):
        top = bags.header(bags.stamp_of(index), 'camera')
        image = ('/image', bags.image_message(top, bags.pair(shift=2 * index)[0]))
        messages.append((*image, bags.START_NS + index * 5_000_000))
    path = bags.write_bag(tmp_path / 'bag', messages)
    assert main(['bag', str(path), '--out', str(tmp_path / 'offline'), '--matcher', 'classical',
                 '--save', 'none']) == 0
    play(graph, tmp_path / 'live', FlowNode, path, task='flow', check_consistency=True)
    assert_equal_numbers(table(tmp_path / 'live'), table(tmp_path / 'offline'),
                         least=FRAMES // 2)


def publish_frame(graph, index, result=True, truth=None):
    """Publish a pair, its calibration and its disparity."""
    stamp_s = 10 + index / 10
    left, right = bags.pair()
    for side, info in zip(('left', 'right'), camera_infos(bags.RIG, stamp_s), strict=True):
        graph.publish(f'{side}/camera_info', info)
    for side, pixels in (('left', left), ('right', right)):
        graph.publish(f'{side}/image_rect', image_message(pixels, 'mono8', stamp_s))
    if truth is not None:
        graph.publish('ground_truth/depth', image_message(
            np.full(bags.SIZE, truth, np.float32), '32FC1', stamp_s))
    if result:
        image = image_message(np.full(bags.SIZE, 8, np.float32), '32FC1', stamp_s)
        graph.publish('disparity', DisparityImage(header=image.header, image=image, f=100.0,
                                                  t=0.2))


def test_given_results_are_scored_and_written_at_the_end(graph, tmp_path):
    evaluator = graph.add(EvaluatorNode, out=str(tmp_path / 'out'), truths='depth')
    graph.listen('/diagnostics', DiagnosticArray)
    for index in range(3):
        publish_frame(graph, index, truth=2.0)
    assert graph.spin_until(lambda: len(evaluator.results.table) == 3), evaluator.counts
    assert graph.spin_until(lambda: any(
        status.name == 'evaluator_node' and status.message == '3 frames are scored'
        for array in graph.received['/diagnostics'] for status in array.status))
    graph.close_node(evaluator)
    rows = list(table(tmp_path / 'out').values())
    assert [float(row['depth_abs_rel']) for row in rows] == pytest.approx([0.25] * 3)
    assert [row['valid_percent'] for row in rows] == ['100'] * 3
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert (results['frames'], results['problems']) == (3, [])
    assert results['topics']['/left/image_rect'] == 3
    assert 'Scores of 3 frames' in (tmp_path / 'out' / 'report.html').read_text()


def test_frames_without_result_are_counted(graph, tmp_path):
    evaluator = graph.add(EvaluatorNode, out=str(tmp_path / 'out'))
    for index in range(4):
        publish_frame(graph, index, result=index in (0, 3))
    assert graph.spin_until(lambda: len(evaluator.results.table) == 2)
    assert evaluator.counts['frames_not_predicted'] == 2
    graph.close_node(evaluator)
    rows = list(table(tmp_path / 'out').values())
    assert rows[1]['temporal_px'] == ''  # the frame before was not seen


def test_save_writes_what_there_is_and_goes_on(graph, tmp_path):
    evaluator = graph.add(EvaluatorNode, out=str(tmp_path / 'out'))
    client = graph.node.create_client(Trigger, '/evaluator_node/save')
    publish_frame(graph, 0)
    assert graph.spin_until(lambda: len(evaluator.results.table) == 1)
    assert client.wait_for_service(5)
    future = client.call_async(Trigger.Request())
    assert graph.spin_until(future.done)
    assert future.result().success
    path = tmp_path / 'out' / 'results.json'
    assert graph.spin_until(path.exists)
    publish_frame(graph, 1)
    assert graph.spin_until(lambda: len(evaluator.results.table) == 2)
    graph.close_node(evaluator)
    assert json.loads(path.read_text())['frames'] == 2


def test_silent_topics_and_bad_messages_are_said(graph, tmp_path):
    evaluator = graph.add(EvaluatorNode, out=str(tmp_path / 'out'), truths='lidar')
    publish_frame(graph, 0)
    graph.publish('left/image_rect', Image())  # a stamp of 0, and nothing in it
    publish_frame(graph, 1)
    assert graph.spin_until(lambda: evaluator._live.predicted == 2)
    graph.close_node(evaluator)
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert results['frames'] == 2
    assert 'no message on /lidar/points' in results['problems'][0]
    assert any('/lidar/points: no message within 20 ms' in note for note in results['notes'])


def test_static_transforms_alone_are_enough(graph, tmp_path, capfd):
    tf2_msgs = pytest.importorskip('tf2_msgs.msg', reason='tf2_msgs is not installed')
    evaluator = graph.add(EvaluatorNode, out=str(tmp_path / 'out'), truths='lidar')
    publisher = graph.node.create_publisher(tf2_msgs.TFMessage, '/tf_static', STATIC_TF_QOS)
    publisher.publish(tf2_msgs.TFMessage())
    assert graph.spin_until(lambda: evaluator._inputs.received['/tf_static'])
    assert '/tf' not in evaluator._inputs.silent()
    publish_frame(graph, 0)
    assert graph.spin_until(lambda: evaluator._live.predicted == 1)
    graph.close_node(evaluator)
    # What is wrong stands in the log too, where somebody sees it.
    assert 'no message on /lidar/points' in capfd.readouterr().err


def test_remappings_can_exchange_the_cameras(graph, tmp_path):
    """The node subscribed to names that were remapped already, which exchanged them again."""
    evaluator = graph.add(partial(EvaluatorNode, cli_args=[
        '--ros-args', '-r', 'left/image_rect:=right/image_rect',
        '-r', 'right/image_rect:=left/image_rect']), out=str(tmp_path / 'out'))
    message = image_message(np.zeros((48, 64), np.uint8), 'mono8', 1.0)
    graph.publish('right/image_rect', message)
    assert graph.spin_until(lambda: evaluator._inputs.received['/right/image_rect'])
    left = next(each for each in evaluator.subscriptions
                if each.callback.args[1].args == (0,) and each.msg_type is Image)
    assert left.topic_name == '/right/image_rect'


def test_a_full_queue_loses_messages_and_says_so(graph, tmp_path):
    evaluator = graph.add(EvaluatorNode, out=str(tmp_path / 'out'), queue_limit=1)
    evaluator.worker.submit(partial(time.sleep, 0.5))
    publish_frame(graph, 0)
    assert graph.spin_until(lambda: evaluator.worker.refused > 0)
    graph.close_node(evaluator)
    problems = json.loads((tmp_path / 'out' / 'results.json').read_text())['problems']
    assert any('messages were lost because the evaluation is slower' in text for text in problems)


@pytest.mark.parametrize(('parameters', 'text'), [
    ({}, 'set out to the folder to write to'),
    ({'out': 'a', 'truths': 'flow'}, 'truths must be among depth, disparity, lidar for the task '
     'stereo, got flow'),
    ({'out': 'a', 'task': 'all'}, 'task must be one of stereo, flow, perception'),
])
def test_wrong_parameters(graph, tmp_path, monkeypatch, parameters, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=text):
        graph.add(EvaluatorNode, **parameters)


def test_earlier_results_are_not_replaced(graph, tmp_path):
    (tmp_path / 'results.json').write_text('{}')
    with pytest.raises(ConfigError, match=r'results.json exists; name another folder in out, or '
                       'set overwrite'):
        graph.add(EvaluatorNode, out=str(tmp_path))
    graph.add(EvaluatorNode, out=str(tmp_path), overwrite=True)
