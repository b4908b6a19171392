"""Parameter files, RViz configurations and launch files agree with the nodes and the docs."""
import ast
import importlib.util
from itertools import chain
from pathlib import Path
import re

from launch_arguments import launch_arguments
import pytest
import yaml

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import ros_harness  # noqa: F401  # sets the ROS domain of these tests

from panmatch_ros.nodes import bag_player, image_player, recorder
from panmatch_ros.nodes.evaluator_parameters import EVALUATOR_NODE
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.match_node import MatchNode
from panmatch_ros.nodes.match_parameters import MATCH_NODE
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode
from panmatch_ros.nodes.motion_depth_parameters import MOTION_DEPTH_NODE
from panmatch_ros.nodes.parameters import FLOW_NODE, STEREO_NODE
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.perception_parameters import PERCEPTION_NODE
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
PAGES = ROOT / 'docs' / 'nodes'
NODES = {'stereo': (StereoNode, STEREO_NODE), 'flow': (FlowNode, FLOW_NODE),
         'match': (MatchNode, MATCH_NODE), 'motion_depth': (MotionDepthNode, MOTION_DEPTH_NODE),
         'perception': (PerceptionNode, PERCEPTION_NODE)}
SPECS = {**{f'{task}_node': specs for task, (_, specs) in NODES.items()},
         'evaluator_node': EVALUATOR_NODE}  # which have a parameter file
ALL_SPECS = [*chain(*SPECS.values()), *bag_player.SPECS, *image_player.SPECS, *recorder.SPECS]
RVIZ_CLASSES = {'rviz_default_plugins/PointCloud2': 'PointCloud2',
                'rviz_default_plugins/Image': 'Image',
                'rviz_default_plugins/Pose': 'PoseStamped'}


@pytest.fixture(scope='module')
def tool():
    """Load tools/parameter_tables.py, which is no module of the package."""
    path = ROOT / 'tools' / 'parameter_tables.py'
    spec = importlib.util.spec_from_file_location('parameter_tables', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def add(graph, task):
    """Start a node with its defaults."""
    if task == 'motion_depth':
        pytest.importorskip('tf2_msgs.msg', reason='tf2_msgs is not installed: run make setup, or '
                            'install ros-$ROS_DISTRO-tf2-msgs')
    return graph.add(NODES[task][0])


# Parameters.

@pytest.mark.parametrize('node', SPECS)
def test_parameter_file_holds_the_table(node):
    text = (ROOT / 'config' / f'{node}.yaml').read_text()
    specs = SPECS[node]
    values = yaml.safe_load(text)
    assert list(values) == ['/**']
    assert list(values['/**']) == ['ros__parameters']
    values = values['/**']['ros__parameters']
    assert list(values) == [spec.name for spec in specs]
    for spec in specs:
        assert values[spec.name] == spec.default
        assert type(values[spec.name]) is type(spec.default)


@pytest.mark.parametrize('node', SPECS)
def test_parameter_file_tells_description_unit_and_range(node):
    text = (ROOT / 'config' / f'{node}.yaml').read_text()
    for spec in SPECS[node]:
        comment = re.search(rf'((?: +#[^\n]*\n)+) +{re.escape(spec.name)}:', text)[1]
        words = ' '.join(comment.replace('#', ' ').split())
        assert spec.description in words
        assert spec.allowed in words
        assert words.endswith('fixed at start') == (not spec.live)
    assert max(map(len, text.splitlines())) <= 99


@pytest.mark.parametrize('spec', ALL_SPECS, ids=lambda spec: spec.name)
def test_names_with_a_unit_say_it_in_the_description(spec):
    units = {'_seconds': '(s)', '_hz': '(Hz)', '_px': '(px)', 'disparity': '(px)'}
    for ending, unit in units.items():
        if spec.name.endswith(ending):
            assert unit in spec.description


def test_files_written_by_the_tool_are_up_to_date(tool):
    for path, text in tool.files(ROOT).items():
        assert path.read_text() == text, f'{path.name}: run tools/parameter_tables.py'


def test_tool_notices_a_missing_place(tool):
    with pytest.raises(SystemExit) as raised:
        tool.with_table('# recorder', 'recorder')
    assert str(raised.value) == ('docs/nodes/recorder.md needs one place '
                                 '<!-- parameters of recorder --> ... <!-- end -->')


@pytest.mark.parametrize('name', ['stereo_node', 'image_player'])
def test_tool_replaces_an_old_table_only(tool, name):
    page, start = (PAGES / f'{name}.md').read_text(), f'<!-- parameters of {name} -->\n'
    assert page.count(start) == 1
    assert tool.with_table(page.replace(start, start + '| old |\n'), name) == page


# RViz.

@pytest.mark.parametrize('task', NODES)
def test_rviz_shows_what_the_node_publishes(graph, task):
    config = yaml.safe_load((ROOT / 'config' / 'rviz' / f'{task}.rviz').read_text())
    node = add(graph, task)
    outputs = {name: publisher.msg_type for name, publisher in node.outputs.items()}
    inputs = {topic.name: topic.message_type for topic in node.inputs.topics}
    shown = [display for display in config['Visualization Manager']['Displays']
             if display['Class'] in RVIZ_CLASSES]
    for display in shown:
        topic = display['Topic']
        message_type = {**outputs, **inputs}[topic['Value']]
        assert message_type.__name__ == RVIZ_CLASSES[display['Class']]
        assert topic['Value'] != 'flow'  # 32FC2 cannot be shown
        # Ours are reliable; a camera may not be.
        assert topic['Reliability Policy'] == (
            'Reliable' if topic['Value'] in outputs else 'Best Effort')
        assert topic['Durability Policy'] == 'Volatile'
    assert {display['Topic']['Value'] for display in shown} == {
        'stereo': {'points2', 'left/image_rect', 'depth', 'confidence'},
        'flow': {'image', 'flow/image_color', 'flow/confidence'},
        'match': {'matches/image_color', 'pose'},
        'motion_depth': {'points2', 'image', 'depth', 'confidence'},
        'perception': {'points2', 'left/image_rect', 'depth', 'confidence', 'moving'}}[task]


@pytest.mark.parametrize('task', NODES)
def test_rviz_has_what_it_writes_itself(task):
    config = yaml.safe_load((ROOT / 'config' / 'rviz' / f'{task}.rviz').read_text())
    assert list(config) == ['Panels', 'Visualization Manager', 'Window Geometry']
    manager = config['Visualization Manager']
    frame = next(spec.default for spec in image_player.SPECS if spec.name == 'frame_id')
    assert manager['Global Options']['Fixed Frame'] == frame
    assert manager['Views']['Current']['Class'] == 'rviz_default_plugins/Orbit'
    classes = [display['Class'] for display in manager['Displays']]
    assert {'rviz_default_plugins/Grid', 'rviz_default_plugins/TF'} <= set(classes)
    cloud = [display for display in manager['Displays'] if 'PointCloud2' in display['Class']]
    assert [(display['Color Transformer'], display['Position Transformer'],
             display['Topic']['Depth']) for display in cloud] == (
                 [('RGB8', 'XYZ', 1)] if task in ('stereo', 'motion_depth', 'perception') else [])


# Launch files, without the launch packages.

@pytest.mark.parametrize('task', NODES)
def test_launch_file_is_short_and_uses_relative_names(task):
    text = (ROOT / 'launch' / f'{task}.launch.py').read_text()
    compile(text, f'{task}.launch.py', 'exec')
    assert len(text.splitlines()) < 80
    tree = ast.parse(text)
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
             for part in node.values}  # of f-strings, such as '/image_rect' after a namespace
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)
               and isinstance(node.value, str) and node not in parts]
    assert [string for string in strings if string.startswith(('/', '~'))] == []


@pytest.mark.parametrize('task', NODES)
def test_every_launch_argument_is_documented(task):
    arguments = launch_arguments(task)
    section = (PAGES / 'README.md').read_text().split('\n## Launch files\n')[1]
    column = {'stereo': 3, 'flow': 4, 'match': 5, 'motion_depth': 6, 'perception': 7}[task]
    documented = {name for row in section.splitlines() if row.startswith('| `')
                  and row.split('|')[column].strip() == 'yes'
                  for name in re.findall('`(.*?)`', row.split('|')[1])}
    assert documented == set(arguments)
    assert all(arguments.values())


@pytest.mark.parametrize(('task', 'others'), [
    ('stereo', {'launch_image_proc'}), ('flow', set()),
    ('perception', {'odometry', 'ego_motion', 'odom_frame', 'camera_frame'})])
def test_replay_has_the_arguments_of_the_nodes_that_the_page_tells(task, others):
    replay = launch_arguments('replay')
    assert set(launch_arguments(task)) - set(replay) == others
    assert all(replay.values())
