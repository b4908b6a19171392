"""Range of depths, speckles and invalid_value of the stereo node, live; all outputs alike."""
import cv2
from finished_matcher import FinishedMatcher
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from plane_scene import RIG, SIZE, listen_all, messages, send
import raw_stereo
from rclpy.parameter import Parameter
from ros_harness import camera_infos, floats_of, image_message, points_of, publish_pair
from sensor_msgs.msg import Image

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

# A wall at 2 m (30 px), a box at 1 m (60 px), two speckles on the wall, of 6 and 15 pixels, what
# nobody is sure of, and what was not found.
WALL, BOX, NEAR, FAR = 30.0, 60.0, 120.0, 15.0
DISPARITY = np.full(SIZE, WALL, np.float32)
DISPARITY[20:100, 90:140] = BOX
DISPARITY[40:43, 30:32] = NEAR   # 0.5 m
DISPARITY[70:75, 50:53] = FAR    # 4 m
UNSURE = np.zeros(SIZE, bool)
UNSURE[:, 60:64] = True
MISSING = np.zeros(SIZE, bool)
MISSING[5:9] = True
DISPARITY[MISSING] = np.nan
CONFIDENCE = np.where(UNSURE, 0.1, 0.9).astype(np.float32)
CONFIDENCE[MISSING] = 0
BASIC = UNSURE | MISSING


def finished(monkeypatch, disparity=DISPARITY, confidence=CONFIDENCE, lowest=0.0):
    matcher = FinishedMatcher(disparity, confidence, lowest)
    monkeypatch.setattr(StereoNode, 'matcher', matcher)
    return matcher


def frame(graph, count=1):
    """Give disparity, depth, z of the points and confidence of a frame."""
    disparity = floats_of(graph.wait_for('disparity', count).image)
    depth = floats_of(graph.wait_for('depth', count))
    xyz = points_of(graph.wait_for('points2', count)).xyz
    assert np.array_equal(np.isnan(xyz).any(axis=-1), np.isnan(xyz).all(axis=-1))
    return disparity, depth, xyz[..., 2], floats_of(graph.wait_for('confidence', count))


def is_value(value):
    return value == DISPARITY  # NaN is none


@pytest.mark.parametrize(('options', 'hidden'), [
    ({}, BASIC),
    ({'min_depth': 0.8}, BASIC | is_value(NEAR)),
    ({'max_depth': 3.0}, BASIC | is_value(FAR)),
    ({'min_depth': 1.5, 'max_depth': 3.0}, ~is_value(WALL) | BASIC),
    ({'filter_speckle_size': 7}, BASIC | is_value(NEAR)),
    ({'filter_speckle_size': 16}, BASIC | is_value(NEAR) | is_value(FAR)),
    ({'filter_speckle_size': 16, 'filter_speckle_range': 15.0}, BASIC | is_value(NEAR)),
    ({'filter_speckle_size': 100, 'filter_speckle_range': 90.0}, BASIC),
    ({'filter_speckle_size': 7, 'max_depth': 3.0}, BASIC | is_value(NEAR) | is_value(FAR)),
    ({'filter_speckle_size': 7, 'confidence_threshold': 0.0}, MISSING | is_value(NEAR)),
], ids=lambda value: str(value) if isinstance(value, dict) else 'mask')
def test_every_output_has_the_same_mask(graph, monkeypatch, options, hidden):
    finished(monkeypatch)
    graph.add(StereoNode, **options)
    listen_all(graph)
    send(graph, 1.0)
    disparity, depth, z, confidence = frame(graph)
    for values in (disparity, depth, z):
        assert np.array_equal(np.isnan(values), hidden)
    assert np.array_equal(confidence, CONFIDENCE)  # which no filter touches
    # What is left has its values.
    assert np.array_equal(disparity[~hidden], DISPARITY[~hidden])
    assert depth[~hidden] == pytest.approx(60.0 / DISPARITY[~hidden])
    assert np.array_equal(z[~hidden], depth[~hidden])


def test_millimetres_have_the_mask_too(graph, monkeypatch):
    finished(monkeypatch)
    graph.add(StereoNode, depth_encoding='16UC1', max_depth=3.0, filter_speckle_size=7)
    listen_all(graph)
    send(graph, 1.0)
    depth = np.frombuffer(graph.wait_for('depth').data, np.uint16).reshape(SIZE)
    assert np.array_equal(depth == 0, BASIC | is_value(NEAR) | is_value(FAR))


@pytest.mark.parametrize(('max_depth', 'is_kept'), [(0.0, True), (9000.0, False)])
def test_infinity_is_beyond_any_limit(graph, monkeypatch, max_depth, is_kept):
    finished(monkeypatch, np.where(DISPARITY == BOX, np.float32(0), DISPARITY))
    graph.add(StereoNode, max_depth=max_depth)
    listen_all(graph)
    send(graph, 1.0)
    disparity, depth, z, _ = frame(graph)
    box = is_value(BOX) & ~BASIC
    assert np.array_equal(np.isfinite(disparity[box]), np.full(box.sum(), is_kept))
    assert np.isnan(depth[box]).all()
    assert np.isnan(z[box]).all()


def test_a_real_matcher_is_filtered(graph):
    graph.add(StereoNode, matcher='classical', max_depth=1.9)  # the plane is at 2 m
    listen_all(graph)
    send(graph, 1.0)
    for values in frame(graph)[:3]:
        assert np.isfinite(values).mean() < 0.1


def test_filters_change_from_the_next_frame_on(graph, monkeypatch):
    finished(monkeypatch)
    node = graph.add(StereoNode)
    listen_all(graph)

    def change(**values):
        return node.set_parameters_atomically([
            Parameter(name, value=value) for name, value in values.items()])

    steps = [({}, BASIC), ({'min_depth': 1.5, 'max_depth': 3.0}, ~is_value(WALL) | BASIC),
             ({'min_depth': 0.0, 'max_depth': 0.0, 'filter_speckle_size': 16},
              BASIC | is_value(NEAR) | is_value(FAR)), ({'filter_speckle_size': 0}, BASIC)]
    for count, (values, hidden) in enumerate(steps, 1):
        if values:
            assert change(**values).successful
        send(graph, float(count))
        for output in frame(graph, count)[:3]:
            assert np.array_equal(np.isnan(output), hidden)
    refused = change(min_depth=3.0, max_depth=2.0)
    assert not refused.successful
    assert refused.reason == ('max_depth must be larger than min_depth, or 0 for no limit, got 2 '
                              'and 3')
    assert node.get_parameter('min_depth').value == 0.0


def test_limits_that_contradict_stop_the_node(graph):
    with pytest.raises(ConfigError, match='max_depth must be larger than min_depth'):
        graph.add(StereoNode, min_depth=2.0, max_depth=2.0)


# What an invalid pixel of the DisparityImage has.

@pytest.mark.parametrize(('invalid_value', 'expected'), [
    ('nan', np.nan), ('below_minimum', -9.0), ('zero', 0.0)])
def test_only_the_disparity_image_has_the_invalid_value(graph, monkeypatch, invalid_value,
                                                        expected):
    finished(monkeypatch, lowest=-8.0)
    graph.add(StereoNode, invalid_value=invalid_value, max_depth=3.0)
    listen_all(graph)
    send(graph, 1.0)
    disparity, depth, z, confidence = frame(graph)
    hidden = BASIC | is_value(FAR)
    assert graph.received['disparity'][0].min_disparity == -8.0
    assert np.array_equal(disparity[hidden], np.full(hidden.sum(), expected), equal_nan=True)
    assert np.array_equal(disparity[~hidden], DISPARITY[~hidden])
    assert np.array_equal(np.isnan(depth), hidden)
    assert np.array_equal(np.isnan(z), hidden)
    assert np.array_equal(confidence, CONFIDENCE)


def test_offset_of_principal_points_is_in_the_invalid_value(graph, monkeypatch):
    finished(monkeypatch)
    graph.add(StereoNode, invalid_value='below_minimum')
    listen_all(graph)
    left, right, _ = messages(1.0)
    infos = camera_infos(RIG, 1.0)
    infos[1].p[2] -= 4.0
    publish_pair(graph, left, right, infos)
    message = graph.wait_for('disparity')
    assert message.min_disparity == -4.0
    found = floats_of(message.image)
    assert np.array_equal(found < message.min_disparity, BASIC)
    assert (found[BASIC] == -5.0).all()
    assert (found[is_value(WALL) & ~BASIC] == WALL - 4).all()


def test_a_live_change_of_the_invalid_value_spares_what_was_valid(graph, monkeypatch):
    finished(monkeypatch)
    node = graph.add(StereoNode)
    listen_all(graph)
    for count, (choice, value) in enumerate(
            [('nan', np.nan), ('zero', 0.0), ('below_minimum', -1.0), ('nan', np.nan)], 1):
        assert node.set_parameters([Parameter('invalid_value', value=choice)])[0].successful
        send(graph, float(count))
        disparity, depth, _, _ = frame(graph, count)
        assert np.array_equal(disparity, np.where(BASIC, np.float32(value), DISPARITY),
                              equal_nan=True)
        assert np.array_equal(np.isnan(depth), BASIC)


def test_below_minimum_is_what_readers_of_stereo_image_proc_expect(graph, monkeypatch):
    finished(monkeypatch)
    graph.add(StereoNode, invalid_value='below_minimum')
    listen_all(graph)
    send(graph, 1.0)
    message = graph.wait_for('disparity')
    disparity, depth, _, _ = frame(graph)
    # point_cloud_node lets OpenCV project the disparities: the smallest of all is invalid, 10 km.
    rig = RIG.left
    Q = np.array([[1, 0, 0, -rig.cx], [0, 1, 0, -rig.cy], [0, 0, 0, message.f],
                  [0, 0, 1 / message.t, 0]])
    points = cv2.reprojectImageTo3D(disparity, Q, handleMissingValues=True)
    assert np.array_equal(points[..., 2] == 10000, BASIC)
    assert points[..., 2][~BASIC] == pytest.approx(depth[~BASIC])
    # disparity_view spreads the range over 256 colours and cuts off what is outside.
    scale = 255 / (message.max_disparity - message.min_disparity)
    colours = np.clip((disparity - message.min_disparity) * scale + 0.5, 0, 255).astype(int)
    assert np.array_equal(colours == 0, BASIC)


# Mosaics.

def mosaic_of(image):
    """Take of a picture what a sensor with the mosaic grbg sees."""
    mosaic = image[..., 1].copy()
    mosaic[::2, 1::2], mosaic[1::2, ::2] = image[::2, 1::2, 0], image[1::2, ::2, 2]
    return mosaic


def test_raw_sensor_images_are_matched_in_colour(graph):
    graph.add(StereoNode, matcher='classical')
    listen_all(graph)
    x = np.linspace(0, 1, 220)[None, :, None]
    wall = (127 + 100 * np.sin(40 * x * np.array([1, 1.3, 0.7])) * np.cos(
        np.arange(SIZE[0])[:, None, None] * 0.21)).astype(np.uint8)
    left, right = wall[:, :160], wall[:, 30:190]  # 30 px
    publish_pair(graph, *(image_message(mosaic_of(image), 'bayer_grbg8', 1.0)
                          for image in (left, right)), camera_infos(RIG, 1.0))
    depth = floats_of(graph.wait_for('depth'))[20:-20, 50:-10]
    assert np.isfinite(depth).mean() > 0.8
    assert np.nanmedian(depth) == pytest.approx(2.0, abs=0.02)
    colours = points_of(graph.wait_for('points2')).rgb[20:-20, 50:-10].astype(int)
    assert np.abs(colours - left[20:-20, 50:-10]).mean() < 4


def test_raw_sensor_images_are_rectified(graph):
    raw_stereo.start_node(graph, rectify=True)
    graph.listen('left/image_rect', Image)
    raw_stereo.publish(graph, 1.0, [mosaic_of(image) for image in raw_stereo.raw_images()],
                       encoding='bayer_grbg8')
    truth = raw_stereo.FOCAL_PX * raw_stereo.BASELINE_M / raw_stereo.true_disparity()
    error = np.abs(floats_of(graph.wait_for('depth')) / truth - 1)
    assert np.isfinite(error).mean() > 0.6
    assert np.nanmedian(error) < 0.02
    assert graph.wait_for('left/image_rect').encoding == 'rgb8'
