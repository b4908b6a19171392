"""Topics, QoS, encodings and pictures of docs/nodes/*.md agree with the running nodes."""
from itertools import chain
from pathlib import Path
import re
import subprocess
import sys
from typing import NamedTuple

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import cv2
import numpy as np
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
import ros_harness  # noqa: F401  # sets the ROS domain of these tests

from panmatch_ros.core.image_message import FORMATS
from panmatch_ros.nodes.bag_player import BagPlayer
from panmatch_ros.nodes.diagnostics import own_messages
from panmatch_ros.nodes.evaluator_node import EvaluatorNode
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.image_player import ImagePlayer
from panmatch_ros.nodes.match_node import MatchNode
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.recorder import Recorder
from panmatch_ros.nodes.recorder_topics import TOPICS
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros
PAGES = Path(__file__).parents[2] / 'docs' / 'nodes'
IN_BAG = '/recorded/'
COMPRESSED = {'image_transport': 'compressed'}
TO_FOLDER = {'out': 'FOLDER', 'overwrite': True}
FLOW, PERCEPTION = {'task': 'flow', **TO_FOLDER}, {'task': 'perception', **TO_FOLDER}
# Parameters with which a node has other topics than with its defaults; {} are the defaults.
VARIANTS = {
    'stereo_node': (StereoNode, [{}, COMPRESSED, {'rectify': True},
                                 {'rectify': True, **COMPRESSED}]),
    'flow_node': (FlowNode, [{}, COMPRESSED]),
    'match_node': (MatchNode, [{}, COMPRESSED, {'reference': 'keyframe'},
                               {'reference': 'keyframe', **COMPRESSED}]),
    'motion_depth_node': (MotionDepthNode, [
        {}, COMPRESSED, {'pose_source': 'odometry'},
        {'pose_source': 'odometry', 'camera_pose': '0 0 0 0 0 0 1'}]),
    'perception_node': (PerceptionNode, [
        {}, COMPRESSED, {'ego_motion': 'none'}, {'ego_motion': 'tf'}, {'ego_motion': 'odometry'},
        {'rectify': True}, {'rectify': True, **COMPRESSED}]),
    'evaluator_node': (EvaluatorNode, [
        TO_FOLDER, {**TO_FOLDER, **COMPRESSED}, {**TO_FOLDER, 'rectify': True},
        {**TO_FOLDER, 'rectify': True, **COMPRESSED}, {**TO_FOLDER, 'prediction': 'depth'},
        {**TO_FOLDER, 'truths': 'depth,disparity,lidar'}, FLOW, {**FLOW, **COMPRESSED},
        {**FLOW, 'truths': 'flow'}, PERCEPTION, {**PERCEPTION, 'rectify': True},
        {**PERCEPTION, 'truths': 'depth,disparity,flow,lidar'}]),
    'bag_player': (BagPlayer, [{'bag': 'BAG'}, {'bag': 'BAG', 'clock': False},
                               {'bag': 'BAG', 'topics': f'{IN_BAG}image'}]),
    'image_player': (ImagePlayer, [{'images': 'IMAGE'}, {
        'left': 'IMAGE', 'right': 'IMAGE', 'calibration': 'CALIBRATION'}]),
    'recorder': (Recorder, [{'task': task, 'out': 'FOLDER'} for task in TOPICS]),
}
TOOLS = ('evaluator_node', 'bag_player', 'image_player', 'recorder')
MATCHER_NODES = [name for name in VARIANTS if name not in TOOLS]
NOT_OURS = re.compile(rf'/parameter_events|/rosout|{IN_BAG}.*|'
                      r'.*/(\w+_parameter\w*|get_type_description)')
NEEDED = {  # by nodes with topics that depend on it
    'tf2_msgs.msg': ('motion_depth_node', 'perception_node', 'evaluator_node', 'bag_player'),
    'nav_msgs.msg': ('motion_depth_node', 'perception_node'),
    'panmatch_ros.msg': ('evaluator_node',), 'rosbags': ('bag_player',)}
CALIBRATION = 'cam0=[40 0 8; 0 40 8; 0 0 1]\ncam1=[40 0 8; 0 40 8; 0 0 1]\nbaseline=100\n' \
              'doffs=0\nwidth=16\nheight=16\n'


class Topic(NamedTuple):
    """One topic or service of a node."""

    name: str
    direction: str
    type: str
    qos: str


class Row(NamedTuple):
    """One topic of a table; ``condition`` is empty if the node always has it."""

    condition: str
    types: frozenset[str]
    qos: str


@pytest.fixture
def files(tmp_path):
    """Give what the parameters of the players stand for."""
    cv2.imwrite(str(tmp_path / 'image.png'), np.zeros((16, 16, 3), np.uint8))
    (tmp_path / 'calib.txt').write_text(CALIBRATION)
    return {'IMAGE': str(tmp_path / 'image.png'), 'CALIBRATION': str(tmp_path / 'calib.txt'),
            'FOLDER': str(tmp_path / 'recorded'), 'BAG': str(tmp_path / 'bag')}


def skip_without_what_is_needed(name):
    for module, nodes in NEEDED.items():
        if name in nodes:
            pytest.importorskip(module, reason=f'{module} is not installed: run make setup')


def write_recording(path):
    """Write what bag_player plays."""
    import bags
    messages = dict(bags.pair_messages(0))
    bags.write_bag(Path(path), [(f'{IN_BAG}image', messages[bags.LEFT]), bags.tf(
        [('base', 'camera', np.eye(4), 0)], f'{IN_BAG}tf_static')])


def topics_of(node):
    """List what a node has, its inputs open."""
    if getattr(node, 'inputs', None) is not None:
        node.inputs.open()
    ends = chain(((item, 'out') for item in node.publishers),
                 ((item, 'in') for item in node.subscriptions))
    found = {Topic(relative(item.topic_name), direction, type_name(item.msg_type),
                   qos_text(item.qos_profile)) for item, direction in ends
             if not NOT_OURS.fullmatch(item.topic_name)}
    return found | {Topic(relative(item.srv_name), 'service', type_name(item.srv_type), '')
                    for item in node.services if not NOT_OURS.fullmatch(item.srv_name)}


def relative(name):
    """Give the name as the tables have it."""
    name = name.removesuffix('/compressed')
    if name in ('/diagnostics', '/tf', '/tf_static', '/clock'):
        return name
    return re.sub(rf'^/({"|".join(VARIANTS)})/', '~/', name).lstrip('/')


def type_name(message_type):
    return f'{message_type.__module__.split(".")[0]}/{message_type.__name__}'


def qos_text(profile):
    """Write a profile as the tables do."""
    reliability = {ReliabilityPolicy.RELIABLE: 'reliable',
                   ReliabilityPolicy.BEST_EFFORT: 'best effort'}[profile.reliability]
    durability = {DurabilityPolicy.VOLATILE: '',
                  DurabilityPolicy.TRANSIENT_LOCAL: 'transient local, '}[profile.durability]
    return f'{reliability}, {durability}{profile.depth}'


def table_of(name):
    """
    Read the topic table of a page.

    :returns: rows by name of the topic and direction.
    """
    section = (PAGES / f'{name}.md').read_text().split('\n## Topics\n')[1].split('\n## ')[0]
    rows = {}
    for line in section.splitlines():
        if not line.startswith('| `'):
            continue
        names, types, direction, qos = (cell.strip() for cell in line.split('|')[1:5])
        package = types.split('/')[0]
        direction, _, condition = direction.partition(', ')
        for topic in re.findall('`(.*?)`', names):
            assert (topic, direction) not in rows, f'{topic} stands there twice'
            rows[topic, direction] = Row(condition, frozenset(
                f'{package}/{part}' for part in types.split('/')[1].split(' or ')), qos)
    return rows


def without_own_types(name, rows):
    """Leave out what does not exist where the messages of this package were not built."""
    if own_messages() is not None:
        return rows
    return {key: row for key, row in rows.items()
            if not any(kind.startswith('panmatch_ros/') for kind in row.types)}


@pytest.mark.parametrize('name', VARIANTS)
def test_topic_table_is_what_the_node_has(graph, files, name):
    node_class, variants = VARIANTS[name]
    skip_without_what_is_needed(name)
    if name == 'bag_player':
        write_recording(files['BAG'])
    found = []
    for variant in variants:
        node = graph.add(node_class, **{key: files.get(value, value)
                                        for key, value in variant.items()})
        found.append(topics_of(node))
        graph.close_node(node)
    rows = without_own_types(name, table_of(name))
    has = {}
    for topic in sorted(set().union(*found)):
        has.setdefault((topic.name, topic.direction), []).append(topic)
    assert sorted(has) == sorted(rows)
    for key, topics in has.items():
        assert {topic.type for topic in topics} == rows[key].types, key
        assert {topic.qos for topic in topics} == {rows[key].qos}, key
        always = all(any(topic[:2] == key for topic in variant) for variant in found)
        assert always == (not rows[key].condition), f'{key}: {rows[key].condition!r}'


def test_topics_of_a_bag_are_played_with_the_qos_of_the_page(graph, files):
    skip_without_what_is_needed('bag_player')
    write_recording(files['BAG'])
    rows = re.findall(r'^\| (each[^|]*) \|[^|]*\| out \| ([^|]*) \|',
                      (PAGES / 'bag_player.md').read_text(), re.MULTILINE)
    node = graph.add(BagPlayer, bag=files['BAG'])
    played = {item.topic_name: qos_text(item.qos_profile) for item in node.publishers
              if item.topic_name.startswith(IN_BAG)}
    assert rows == [
        ('each of the bag, or those in `topics`', played[f'{IN_BAG}image']),
        ('each whose name ends with `tf_static`', played[f'{IN_BAG}tf_static'])]


def test_default_qos_of_the_evaluator(graph, files):
    skip_without_what_is_needed('evaluator_node')
    page = (PAGES / 'evaluator_node.md').read_text()
    assert 'With `use_system_default_qos` what is best effort here becomes reliable.' in page
    node = graph.add(EvaluatorNode, out=files['FOLDER'], truths='depth,disparity',
                     use_system_default_qos=True)
    assert {topic.qos for topic in topics_of(node) if topic.direction == 'in'} == {'reliable, 50'}


@pytest.mark.parametrize('name', MATCHER_NODES)
def test_default_qos_of_the_index(graph, name):
    rows = [line for line in (PAGES / 'README.md').read_text().split('\n## QoS\n')[1].split(
        '\n## ')[0].splitlines() if line.startswith('| images')]
    assert rows == ['| images and camera_info | best effort (sensor data); reliable with '
                    '`use_system_default_qos` | 5; 10 |']
    node = graph.add(VARIANTS[name][0], use_system_default_qos=True)
    own = ('/tf', '/tf_static', 'odometry')  # which need what their publishers have
    assert {topic.qos for topic in topics_of(node)
            if topic.direction == 'in' and topic.name not in own} == {'reliable, 10'}


def test_every_encoding_is_named():
    row = next(row for row in (PAGES / 'README.md').read_text().splitlines()
               if row.startswith('| `raw`'))
    assert [name for name in FORMATS if name not in row] == []


def test_index_links_every_page():
    names = {path.stem for path in PAGES.glob('*.md')} - {'README'}
    assert names == set(VARIANTS)
    index = (PAGES / 'README.md').read_text()
    assert set(re.findall(r'^\| \[(\w+)\]\(\1\.md\)', index, re.MULTILINE)) == names


# Pictures.

@pytest.mark.parametrize('name', MATCHER_NODES)
def test_pages_of_matcher_nodes_have_a_small_picture(name):
    (link,) = re.findall(r'!\[[^]]+\]\((.*?)\)', (PAGES / f'{name}.md').read_text())
    assert link == f'../images/{name}.jpg'
    path = PAGES / link
    assert path.stat().st_size <= 120_000
    picture = cv2.imread(str(path))
    assert picture.shape[1] == 960
    assert picture.std() > 20


def test_the_picture_of_a_node_is_made_by_the_node(tmp_path):
    pytest.importorskip('nav_msgs.msg', reason='nav_msgs is not installed: run make setup, or '
                        'install ros-$ROS_DISTRO-nav-msgs')
    tool = PAGES.parents[1] / 'tools' / 'documentation_pictures.py'
    done = subprocess.run([sys.executable, tool, 'motion_depth_node', '--out', tmp_path],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made, kept = (cv2.imread(str(folder / 'motion_depth_node.jpg')).astype(int)
                  for folder in (tmp_path, PAGES.parent / 'images'))
    assert made.shape == kept.shape
    titles = slice(0, 26)  # the rest depends on which image of the drive was the last one
    assert np.abs(made - kept)[titles].mean() < 2
    depth = made[30:, 330:630]  # the middle of three panels
    assert (depth.max(axis=2) - depth.min(axis=2) > 60).mean() > 0.5  # in colours
