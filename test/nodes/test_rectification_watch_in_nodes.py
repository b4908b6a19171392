"""The stereo node, live: images that are not rectified are noticed."""
from functools import partial
import re
import threading

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import raw_stereo
from raw_stereo import PERFECT, SIZE, info_messages, publish, start_node
from rclpy.parameter import Parameter

from panmatch_ros.core.rectification_check import RectificationWatch

pytestmark = pytest.mark.ros


@pytest.fixture
def start(graph):
    """Start the node, and listen to depth and diagnostics."""
    return partial(start_node, graph)


def diagnosis(graph, condition):
    """Give level, message and values of the first report for which the condition holds."""
    def find():
        for array in graph.received['/diagnostics']:
            status = array.status[0]
            values = {item.key: item.value for item in status.values}
            if condition(status, values):
                return status.level, status.message, values
        return None
    assert graph.spin_until(lambda: find() is not None), graph.log_text()
    return find()


def is_checked(status, values):
    return 'row_error' in values


def row_error_of(values):
    return float(re.match(r'([0-9.]+) px \(median of \d+ matches\)', values['row_error'])[1])


def change(node, name, value):
    assert node.set_parameters([Parameter(name, value=value)])[0].successful


def checks(monkeypatch):
    """List the left image and the search range of what is checked from now on."""
    seen, check = [], RectificationWatch.check

    def note(self, left, right, disparity_range):
        seen.append((left, disparity_range))
        return check(self, left, right, disparity_range)

    monkeypatch.setattr(RectificationWatch, 'check', note)
    return seen


def numbered(index):
    """Raw pair with a number in the first pixel of the left image."""
    left, right = (image.copy() for image in raw_stereo.raw_images())
    left[0, 0] = index
    return left, right


def test_images_that_are_not_rectified_are_noticed(graph, start):
    start()
    publish(graph, 1.0, topic='image_rect')  # which they are not
    graph.wait_for('depth')
    level, message, values = diagnosis(graph, lambda status, _: status.level == b'\x01')
    error_px, offset_px = raw_stereo.true_row_error()
    assert offset_px < 0  # the right image is higher
    assert row_error_of(values) == pytest.approx(error_px, rel=0.1)
    assert re.search(r'the right image is [0-9.]+ px higher', message)
    assert 'the pair is not rectified; rectify the images first' in message
    assert level == b'\x01'
    assert message in graph.wait_for_log('the pair is not rectified')


@pytest.mark.parametrize('rectify', [True, False])
def test_rectified_images_are_no_problem(graph, start, rectify):
    start(rectify=rectify)
    images = None if rectify else raw_stereo.rectified_images()
    publish(graph, 1.0, images, topic='image_raw' if rectify else 'image_rect')
    graph.wait_for('depth')
    level, _, values = diagnosis(graph, is_checked)
    assert row_error_of(values) < 0.2
    assert level == b'\x00'
    assert 'not rectified' not in graph.log_text()


def test_swapped_images_are_noticed(graph, start):
    """They gave a few wrong depths, and nothing was said."""
    start()
    left, right = raw_stereo.rectified_images()
    publish(graph, 1.0, (right, left), topic='image_rect')
    _, message, _ = diagnosis(graph, lambda status, _: status.level == b'\x01')
    assert message == ('left and right seem to be swapped: exchanged, the images match far '
                       'better; exchange their topics')
    assert message in graph.wait_for_log('swapped')


def test_a_calibration_that_has_become_wrong_is_noticed(graph, start):
    start(rectify=True)
    left, right = raw_stereo.raw_images()
    publish(graph, 1.0, (left, np.roll(right, 3, axis=0)))
    graph.wait_for('depth')
    _, message, values = diagnosis(graph, lambda status, _: status.level == b'\x01')
    assert row_error_of(values) == pytest.approx(3 * 230 / 259, rel=0.2)  # focal lengths
    assert message.endswith('the pair is not rectified; calibrate the cameras anew')


def test_one_pair_of_many_is_looked_at(graph, start, monkeypatch):
    seen = checks(monkeypatch)
    start(rectification_check_interval=3)
    for index in range(7):
        publish(graph, 1.0 + index, numbered(index), topic='image_rect')
        graph.wait_for('depth', index + 1)
    assert graph.spin_until(lambda: len(seen) == 3)
    assert [left[0, 0, 0] for left, _ in seen] == [0, 3, 6]
    assert {search_range for _, search_range in seen} == {(0.0, 63.0)}  # of the matcher


def test_interval_zero_looks_at_none_and_can_change(graph, start, monkeypatch):
    seen = checks(monkeypatch)
    node = start(rectification_check_interval=0)
    publish(graph, 1.0, topic='image_rect')
    graph.wait_for('depth')
    diagnosis(graph, lambda _, values: values['frames_processed'] == '1')
    assert node.report_details() == {}
    assert not seen
    change(node, 'rectification_check_interval', 1)
    publish(graph, 2.0, topic='image_rect')
    diagnosis(graph, lambda status, _: status.level == b'\x01')
    change(node, 'rectification_check_interval', 0)
    publish(graph, 3.0, topic='image_rect')
    graph.wait_for('depth', 3)
    assert graph.spin_until(lambda: node.worker.idle)
    assert (node.report_details(), node.output_problem()) == ({}, '')
    assert len(seen) == 1


def test_a_new_calibration_is_a_new_start(graph, start):
    node = start()
    publish(graph, 1.0, topic='image_rect')
    assert graph.spin_until(lambda: node.output_problem())
    publish(graph, 2.0, raw_stereo.rectified_images(), info_messages(2.0, PERFECT),
            topic='image_rect')
    graph.wait_for('depth', 2)
    assert graph.spin_until(lambda: node.report_details())  # long before 30 pairs
    assert row_error_of(node.report_details()) < 0.2
    assert node.output_problem() == ''


def test_a_check_that_fails_costs_no_frame_and_is_said_once(graph, start, monkeypatch):
    def fail(self, left, right, disparity_range):
        raise RuntimeError('no matches today')

    monkeypatch.setattr(RectificationWatch, 'check', fail)
    node = start(rectification_check_interval=1)
    for index in range(4):
        publish(graph, 1.0 + index, topic='image_rect')
        graph.wait_for('depth', index + 1)
    text = graph.wait_for_log('it cannot be told whether the images are rectified')
    assert 'no matches today' in text
    assert node.statistics.rejected == 0
    level, _, values = diagnosis(graph, is_checked)
    assert values['row_error'] == "unknown: RuntimeError('no matches today')"
    assert level == b'\x00'
    assert graph.log_text().count('it cannot be told') == 1


def test_no_frame_waits_for_a_check(graph, start, monkeypatch):
    go_on, check = threading.Event(), RectificationWatch.check

    def slow(*args):
        assert go_on.wait(30)
        return check(*args)

    monkeypatch.setattr(RectificationWatch, 'check', slow)
    node = start()
    for index in range(3):
        publish(graph, 1.0 + index, topic='image_rect')
        graph.wait_for('depth', index + 1)
    assert node.report_details() == {}  # the first one is still looked at
    go_on.set()
    assert graph.spin_until(lambda: node.output_problem())


def test_images_without_texture_are_unknown(graph, start):
    start()
    grey = np.full((*SIZE, 3), 128, np.uint8)
    publish(graph, 1.0, (grey, grey), topic='image_rect')
    level, _, values = diagnosis(graph, is_checked)
    assert values['row_error'].startswith('unknown: 0 matches are too few')
    assert level == b'\x00'
