"""Names in docs/migration.md and docs/cameras.md; parameter files of stereo_image_proc."""
from functools import partial
from pathlib import Path
from posixpath import join
import re
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from disparity_node_file import DISPARITY_NODE, start_with_file
from launch_arguments import launch_arguments
from plane_scene import DEPTH_M, INNER, RIG, SIZE, listen_all, messages, send
from ros_harness import FRAME_ID, camera_infos, floats_of, points_of, publish_pair
from sensor_msgs.msg import Image

from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs' / 'migration.md'
KINDS = ('input', 'output', 'parameter', 'argument')

TYPICAL = {
    **DISPARITY_NODE, 'stereo_algorithm': 1, 'correlation_window_size': 7, 'disparity_range': 48,
    'min_disparity': 8, 'P1': 392, 'P2': 1568, 'uniqueness_ratio': 5.0, 'speckle_size': 200,
    'speckle_range': 1, 'sgbm_mode': 1, 'disp12_max_diff': 2, 'approximate_sync': True,
    'approximate_sync_tolerance_seconds': 0.01, 'use_system_default_qos': True,
    'qos_overrides': {'/left/image_rect': {'subscription': {'reliability': 'reliable'}}},
}
POINT_CLOUD_NODE = {'approximate_sync', 'approximate_sync_tolerance_seconds', 'queue_size',
                    'image_transport', 'avoid_point_cloud_padding', 'use_color',
                    'use_system_default_qos'}
DECODER = {'input_qos', 'output_qos', 'cache_camera_info', 'disparity_tensor_name',
           'confidence_tensor_name', 'min_disparity', 'max_disparity', 'confidence_threshold',
           'reusable_buffer_enable', 'reusable_buffer_count', 'reusable_buffer_width',
           'reusable_buffer_height'}
ESS_NODE = {'image_type', 'input_layer_width', 'input_layer_height', 'model_input_type',
            'onnx_file_path', 'engine_file_path', 'input_layers_name', 'output_layers_name',
            'threshold', 'throttler_skip', 'input_qos', 'output_qos'}


class Row(NamedTuple):
    """One name of another package: where it stands, what it is, and what the page says."""

    section: str
    name: str
    kind: str
    verdict: str
    remarks: str


def rows_of_page():
    rows, section, in_table = [], '', False
    for line in PAGE.read_text(encoding='utf-8').splitlines():
        if line.startswith('#'):
            section = line.lstrip('# ')
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if not line.startswith('|') or cells[:3] == ['there', 'kind', 'here']:
            in_table = line.startswith('|')
        elif in_table and not set(line) <= set('|-'):
            rows.append(Row(section, cells[0].strip('`'), *cells[1:]))
    return rows


ROWS = rows_of_page()


def names_in(part, kind):
    return {row.name for row in ROWS if part in row.section and row.kind == kind}


@pytest.fixture
def ours(graph):
    """Names of each kind that a running stereo_node and its launch file have."""
    node = graph.add(StereoNode)
    listen_all(graph)
    assert graph.spin_until(lambda: node.inputs.is_open)
    inputs = {topic.lstrip('/') for topic, _ in node.get_subscriber_names_and_types_by_node(
        'stereo_node', '/')}
    outputs = {topic.lstrip('/') for topic, _ in node.get_publisher_names_and_types_by_node(
        'stereo_node', '/')}
    return {'input': inputs, 'output': outputs, 'argument': set(launch_arguments('stereo')),
            'parameter': set(node._parameters)}


def test_every_name_called_the_same_is_there(ours):
    same = [row for row in ROWS if row.verdict == 'same']
    assert len(same) > 40
    assert [row for row in same if row.name not in ours[row.kind]] == []


def test_every_new_name_is_there(ours):
    wrong, count = [], 0
    for row in ROWS:
        match = re.fullmatch(r'renamed to `([^`]+)`( \(parameter\))?', row.verdict)
        if match:
            count += 1
            new, kind = match[1], 'parameter' if match[2] else row.kind
            if new not in ours[kind] or (new, kind) == (row.name, row.kind):
                wrong.append(row)
    assert count > 20
    assert wrong == []


def test_what_is_not_applicable_is_not_there_and_has_a_reason(ours):
    gone = [row for row in ROWS if row.verdict == 'not applicable']
    assert len(gone) > 20
    assert [row for row in gone if row.name in ours[row.kind] or not row.remarks] == []


def test_every_row_is_understood():
    allowed = re.compile(r'same|not applicable|renamed to `[^`]+`( \(parameter\))?')
    assert [row for row in ROWS if row.kind not in KINDS
            or not allowed.fullmatch(row.verdict)] == []
    keys = [row[:3] for row in ROWS]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(('section', 'parameters', 'topics'), [
    ('disparity_node', set(DISPARITY_NODE),
     {'left/image_rect', 'right/image_rect', 'left/camera_info', 'right/camera_info'}),
    ('point_cloud_node', POINT_CLOUD_NODE,
     {'left/image_rect_color', 'left/camera_info', 'right/camera_info', 'disparity'}),
    ('DNNStereoDecoderNode', DECODER, {'tensor_sub', 'right/camera_info'}),
    ('ESSDisparityNode', ESS_NODE,
     {'left/image_rect', 'right/image_rect', 'left/camera_info', 'right/camera_info'}),
])
def test_no_name_is_left_out(section, parameters, topics):
    written = {name for name in names_in(section, 'parameter') if 'qos_overrides' not in name}
    assert written == parameters
    assert names_in(section, 'input') == topics


def commands_in(page, program):
    text = (ROOT / 'docs' / page).read_text(encoding='utf-8').replace('\\\n', ' ')
    return re.findall(rf'{program}[^\n`]*', text)


def test_commands_for_cameras_use_names_that_are_ours(ours):
    runs = commands_in('cameras.md', 'ros2 run panmatch_ros stereo_node')
    assert len(runs) == 1
    for run in runs:  # both images and both camera_info
        assert set(re.findall(r'-r (\S+?):=', run)) == names_in('disparity_node', 'input')
        assert set(re.findall(r'-r (\S+?):=', run)) <= ours['input']
    launches = commands_in('cameras.md', 'ros2 launch panmatch_ros')
    assert len(launches) >= 8
    for launch in launches:
        given = set(re.findall(r' (\w+):=', launch))
        assert given
        assert given <= set(launch_arguments(launch.split()[3].removesuffix('.launch.py')))


@pytest.mark.parametrize('camera', ['RealSense D400', 'ZED'])
def test_commands_for_cameras_give_the_topics_of_the_table(camera):
    page = (ROOT / 'docs' / 'cameras.md').read_text(encoding='utf-8').replace('\\\n', ' ')
    section = page.split(f'\n## {camera}\n')[1].split('\n## ')[0]
    table = dict(re.findall(r'\| `(\w+/\w+)` \| `(\S+)`', section))
    given = dict(re.findall(r' (\w+):=(\S+)', re.search('stereo.launch.py.*', section)[0]))
    assert table == {
        f'{side}/{ours}': join(given[f'{side}_namespace'], given.get(f'{side}_{name}', name))
        for side in ('left', 'right')
        for ours, name in (('image_rect', 'image'), ('camera_info', 'camera_info'))}


@pytest.mark.parametrize(('values', 'low', 'high'), [
    (DISPARITY_NODE, 0.0, 63.0), (TYPICAL, 8.0, 55.0)], ids=['defaults', 'typical'])
def test_parameter_file_of_disparity_node(graph, tmp_path, values, low, high):
    node = start_with_file(graph, tmp_path, values)
    taken = {name: getattr(node.settings, name) for name in values if hasattr(node.settings, name)}
    unknown = {'use_image_transport_camera_info', 'qos_overrides'}
    assert taken == {name: value for name, value in values.items() if name not in unknown}
    listen_all(graph)
    send(graph, 3.5)
    message = graph.wait_for('disparity')
    assert message.header.frame_id == message.image.header.frame_id == FRAME_ID
    assert (message.image.encoding, message.image.height, message.image.width) == (
        '32FC1', *SIZE)
    assert (message.min_disparity, message.max_disparity) == (low, high)
    assert message.f == pytest.approx(RIG.focal_px)
    assert message.t == pytest.approx(RIG.baseline_m)
    assert message.delta_d == pytest.approx(1 / 16)
    window = message.valid_window
    assert (window.x_offset, window.y_offset, window.height, window.width) == (0, 0, *SIZE)
    found = floats_of(message.image)[INNER]
    valid = np.isfinite(found)
    assert valid.mean() > 0.9
    wanted = RIG.focal_px * RIG.baseline_m / DEPTH_M
    assert np.median(found[valid]) == pytest.approx(wanted, abs=0.07)
    # All that is not valid is NaN, as the page says: never a number below the range, never inf.
    everything = floats_of(message.image)
    assert not np.isinf(everything).any()
    assert np.nanmin(everything) >= low
    assert np.nanmax(everything) <= high + 1
    xyz = points_of(graph.wait_for('points2')).xyz
    assert not np.isinf(xyz).any()
    assert np.nanmedian(xyz[INNER][..., 2]) == pytest.approx(DEPTH_M, abs=0.01)


def test_file_of_point_cloud_node_gives_its_layout(graph, tmp_path):
    start_with_file(graph, tmp_path, {
        'avoid_point_cloud_padding': False, 'use_color': True, 'queue_size': 5,
        'approximate_sync': False, 'use_system_default_qos': False}, key='/**')
    listen_all(graph)
    send(graph, 1.0)
    cloud = graph.wait_for('points2')
    assert (cloud.height, cloud.width, cloud.point_step, cloud.is_dense) == (*SIZE, 32, False)


def test_file_under_another_name_is_ignored_by_ros(graph, tmp_path):
    node = start_with_file(graph, tmp_path, DISPARITY_NODE, key='other_node')
    assert node.settings.correlation_window_size == 3


def test_offset_of_principal_points_is_in_disparity_and_its_limits(graph, tmp_path):
    start_with_file(graph, tmp_path, DISPARITY_NODE)
    listen_all(graph)
    left, right, _ = messages(1.0)
    infos = camera_infos(RIG, 1.0)
    offset = 4.0
    infos[1].p[2] -= offset  # cx of the right camera: disparity as seen is 30, and 26 of depth
    publish_pair(graph, left, right, infos)
    message = graph.wait_for('disparity')
    assert (message.min_disparity, message.max_disparity) == (-offset, 63.0 - offset)
    assert np.nanmedian(floats_of(message.image)[INNER]) == pytest.approx(26.0, abs=0.07)


def test_camera_info_is_not_derived_from_the_image(graph):
    node = graph.add(partial(StereoNode, cli_args=[
        '--ros-args', '-r', 'left/image_rect:=/cam/image']))
    graph.listen('depth', Image)
    assert graph.spin_until(lambda: node.inputs.is_open)
    names = {topic for topic, _ in node.get_subscriber_names_and_types_by_node(
        'stereo_node', '/')}
    assert {'/cam/image', '/left/camera_info'} <= names
    assert '/cam/camera_info' not in names
