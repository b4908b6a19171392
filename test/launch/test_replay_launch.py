"""replay.launch.py plays a bag through a node and leaves the evaluation."""
import csv
import json
import re

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
pytest.importorskip('launch_ros.actions', reason='launch_ros is not installed; it comes with a '
                    'ROS 2 distribution (ros-$ROS_DISTRO-launch-ros), not with the wheels')
import bags
from launch import LaunchContext
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_harness import LAUNCH
import ros_harness  # noqa: F401  # sets the ROS domain of these tests

from panmatch_ros.evaluation.recordings.frame_table import TASKS

pytestmark = [pytest.mark.ros, pytest.mark.launch, pytest.mark.slow]
FRAMES = 8


def test_arguments_have_descriptions_and_those_of_the_nodes():
    def arguments(name):
        description = PythonLaunchDescriptionSource(
            str(LAUNCH / f'{name}.launch.py')).get_launch_description(LaunchContext())
        return {argument.name: argument for argument in description.get_launch_arguments()}

    own = arguments('replay')
    assert all(argument.description for argument in own.values())
    for task in ('stereo', 'flow'):
        assert set(own) >= set(arguments(task)) - {'launch_image_proc'}
    assert TASKS == ('stereo', 'flow', 'perception')


def test_file_is_short_and_uses_relative_names():
    text = (LAUNCH / 'replay.launch.py').read_text()
    assert len(text.splitlines()) < 80
    assert re.findall(r"'/", text) == []


@pytest.mark.parametrize(('arguments', 'text'), [
    ({'bag': 'x'}, "missing required argument 'out'"),
    ({'bag': 'x', 'out': 'y', 'node': 'other'}, '"node" provided value "other" is not valid')])
def test_wrong_arguments(start, arguments, text):
    launched = start('replay', **arguments)
    assert launched.wait(30) == 1
    assert text in launched.text()


def test_the_bag_is_not_played_if_nothing_can_be_written(start, tmp_path):
    """Else a long bag would run to its end for nothing."""
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'frames.csv').touch()
    bag = bags.stereo_bag(tmp_path / 'bag', FRAMES)
    launched = start('replay', bag=bag, out=tmp_path / 'out', rate='0.001', player='own')
    launched.wait(40)
    assert 'frames.csv exists' in launched.text()
    assert 'the bag is played' not in launched.text()


def test_a_bag_is_evaluated_and_everything_ends(start, tmp_path):
    def truth(index):
        return bags.disparity_truth(index, 8.5, topic='/truth/disparity')
    messages = [message for index in range(FRAMES)
                for message in [*bags.pair_messages(index), truth(index)]]
    renamed = [(topic.replace('/left/', '/rig/cam0/').replace('/right/', '/rig/cam1/'), message)
               for topic, message in messages]
    bag = bags.write_bag(tmp_path / 'bag', renamed)
    launched = start('replay', bag=bag, out=tmp_path / 'out', rate='0.025', matcher='classical',
                     namespace='rig', left_namespace='cam0', right_namespace='cam1',
                     truths='disparity', ground_truth_disparity='/truth/disparity', player='own',
                     settle_seconds='1.0')
    assert launched.wait(60) == 0, launched.text()
    assert 'the bag is played' in launched.text()
    with (tmp_path / 'out' / 'frames.csv').open() as file:
        rows = list(csv.DictReader(file))
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert len(rows) >= FRAMES // 2, (results['counts'], launched.text())
    assert results['problems'] == []
    assert max(abs(float(row['disparity_epe_px']) - 0.5) for row in rows) < 0.05
    assert (tmp_path / 'out' / 'report.html').is_file()
    assert (results['options']['task'], results['options']['matcher']) == ('stereo', 'classical')
