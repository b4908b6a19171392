"""The stereo node, live: raw images are rectified."""
from functools import partial

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import cv2
import raw_stereo
from raw_stereo import (
    BASELINE_M,
    FOCAL_PX,
    INFOS,
    PERFECT,
    SIZE,
    info_messages,
    publish,
    start_node,
)
from rclpy.parameter import Parameter
from ros_harness import floats_of, image_message, points_of, stamp_of, stamped
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from stereo_msgs.msg import DisparityImage

from panmatch_ros.core.rectification import Rectifier
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

LEFT = Rectifier.from_camera_info(INFOS[0])
INNER = ~LEFT.missing
INNER[:, :40] = False  # the right camera does not see what is there
INNER = cv2.erode(INNER.astype(np.uint8), np.ones((13, 13), np.uint8), borderValue=0) > 0


@pytest.fixture
def start(graph):
    """Start the node, and listen to depth and diagnostics."""
    return partial(start_node, graph, rectify=True)


def assert_is_the_plane(disparity):
    error = np.abs(disparity - raw_stereo.true_disparity())
    assert np.isfinite(disparity[INNER]).mean() > 0.99
    assert np.nanmedian(error[INNER]) < 0.2
    assert np.nanpercentile(error[INNER], 99) < 0.5


# Raw images.

def test_raw_images_give_the_true_disparity_and_depth(graph, start):
    start()
    graph.listen('disparity', DisparityImage)
    publish(graph, 1.0)
    message = graph.wait_for('disparity')
    assert stamp_of(message) == 1.0
    assert (message.f, message.t) == (pytest.approx(FOCAL_PX), pytest.approx(BASELINE_M))
    assert_is_the_plane(floats_of(message.image))
    truth = FOCAL_PX * BASELINE_M / raw_stereo.true_disparity()
    error = np.abs(floats_of(graph.wait_for('depth')) / truth - 1)
    assert np.nanpercentile(error[INNER], 99) < 0.03


@pytest.mark.parametrize('threshold', [0.0, 0.2])
def test_what_the_camera_does_not_see_is_invalid_everywhere(graph, start, threshold):
    start(confidence_threshold=threshold)
    graph.listen('disparity', DisparityImage)
    graph.listen('points2', PointCloud2)
    graph.listen('confidence', Image)
    publish(graph, 1.0)
    missing = LEFT.missing
    assert 0.03 < missing.mean() < 0.1
    assert np.isnan(floats_of(graph.wait_for('disparity').image)[missing]).all()
    assert np.isnan(floats_of(graph.wait_for('depth'))[missing]).all()
    assert np.isnan(points_of(graph.wait_for('points2')).xyz[missing]).all()
    confidence = floats_of(graph.wait_for('confidence'))
    assert not confidence[missing].any()
    assert confidence[INNER].mean() > 0.9


def test_points_have_the_colours_of_the_rectified_image(graph, start):
    start()
    graph.listen('points2', PointCloud2)
    graph.listen('left/image_rect', Image)
    publish(graph, 1.0)
    points = points_of(graph.wait_for('points2'))
    expected = LEFT.rectify(raw_stereo.raw_images()[0])
    assert np.array_equal(points.rgb, expected)
    image = graph.wait_for('left/image_rect')
    assert (stamp_of(image), image.encoding) == (1.0, 'rgb8')
    assert np.array_equal(np.frombuffer(image.data, np.uint8).reshape(expected.shape), expected)
    # And by them what the camera sees there: the texture of the plane at this point.
    seen = np.isfinite(points.xyz[..., 2]) & INNER
    truth = raw_stereo.rectified_images()[0]
    assert np.abs(points.rgb[seen].astype(int) - truth[seen]).mean() < 1


@pytest.mark.parametrize(('encoding', 'rectified'), [
    ('mono8', 'mono8'), ('mono16', 'mono16'), ('bgr8', 'rgb8'), ('bgr16', 'rgb16')])
def test_other_encodings(graph, start, encoding, rectified):
    start()
    graph.listen('left/image_rect', Image)
    images = raw_stereo.raw_images()
    if encoding.startswith('mono'):
        images = [image[..., 1] for image in images]
    if encoding.endswith('16'):
        images = [image.astype(np.uint16) * 257 for image in images]
    publish(graph, 1.0, images, encoding=encoding)
    truth = FOCAL_PX * BASELINE_M / raw_stereo.true_disparity()
    error = np.abs(floats_of(graph.wait_for('depth')) / truth - 1)
    assert np.nanpercentile(error[INNER], 95) < 0.03
    assert graph.wait_for('left/image_rect').encoding == rectified


def test_compressed_raw_images(graph, start):
    start(image_transport='compressed')
    infos = info_messages(1.0)
    for side, info, pixels in zip(('left', 'right'), infos, raw_stereo.raw_images(), strict=True):
        message = CompressedImage(format='png')
        message.data.frombytes(cv2.imencode('.png', pixels[..., ::-1])[1].tobytes())
        graph.publish(f'{side}/camera_info', info)
        graph.publish(f'{side}/image_raw/compressed', stamped(message, 1.0))
    truth = FOCAL_PX * BASELINE_M / raw_stereo.true_disparity()
    assert np.nanpercentile(np.abs(floats_of(graph.wait_for('depth')) / truth - 1)[INNER],
                            99) < 0.03


def test_only_raw_topics_are_subscribed_to(graph, start):
    node = start()
    assert [topic.name for topic in node.inputs.topics] == [
        'left/image_raw', 'right/image_raw', 'left/camera_info', 'right/camera_info']
    assert 'left/image_rect' in node.outputs
    other = graph.add(StereoNode)
    assert [topic.name for topic in other.inputs.topics[:2]] == [
        'left/image_rect', 'right/image_rect']
    assert 'left/image_rect' not in other.outputs
    result = node.set_parameters([Parameter('rectify', value=False)])[0]
    assert 'rectify cannot change while the node runs' in result.reason


def test_images_that_are_rectified_already_are_taken_as_they_are(graph, start, monkeypatch):
    same, rectify = [], Rectifier.rectify

    def note(self, image):
        rectified = rectify(self, image)
        same.append(rectified is image)
        return rectified

    monkeypatch.setattr(Rectifier, 'rectify', note)
    start()
    graph.listen('points2', PointCloud2)
    images = raw_stereo.rectified_images()
    publish(graph, 1.0, images, info_messages(1.0, PERFECT))
    assert np.array_equal(points_of(graph.wait_for('points2')).rgb, images[0])
    assert same == [True, True]  # nothing was copied


def test_a_new_calibration_serves_from_its_frame_on(graph, start):
    start()
    graph.listen('disparity', DisparityImage)
    publish(graph, 1.0, raw_stereo.rectified_images(), info_messages(1.0, PERFECT))
    graph.wait_for('disparity')
    publish(graph, 2.0)
    assert_is_the_plane(floats_of(graph.wait_for('disparity', 2).image))


def test_the_picture_of_a_region_of_interest_is_rectified(graph, start):
    """The raw image is a window of the sensor: K, P and the region go together."""
    start()
    graph.listen('disparity', DisparityImage)
    infos = info_messages(1.0)
    window = np.s_[16:-16, 32:]
    for info in infos:
        info.roi.x_offset, info.roi.y_offset = 32, 16
        info.roi.width, info.roi.height = SIZE[1] - 32, SIZE[0] - 32
    publish(graph, 1.0, [image[window] for image in raw_stereo.raw_images()], infos)
    message = graph.wait_for('disparity')
    error = np.abs(floats_of(message.image) - raw_stereo.true_disparity()[window])
    assert np.nanmedian(error) < 0.2
    assert message.image.width == image_message(
        raw_stereo.raw_images()[0][window], 'rgb8', 1.0).width


# Bad calibrations.

def not_calibrated(infos):
    infos[0].k = [0.0] * 9


def unknown_model(infos):
    infos[1].distortion_model = 'double_sphere'


def wrong_count(infos):
    infos[1].d = [0.1, 0.2, 0.3]


def no_rotation(infos):
    infos[0].r = [0.0] * 9


def another_size(infos):
    for info in infos:
        info.width, info.height = 640, 480


def nothing_seen(infos):
    infos[0].k[2] = -5000.0


@pytest.mark.parametrize(('spoil', 'expected'), [
    (not_calibrated, '/left/camera_info: K[0, 0] is 0, so the camera is not calibrated'),
    (unknown_model, "/right/camera_info: the distortion model 'double_sphere' is not known"),
    (wrong_count, '/right/camera_info: with the distortion model rational_polynomial, D must'),
    (no_rotation, '/left/camera_info: R is all zero'),
    (another_size, '/left/camera_info describes an image of 640x480 pixels (after region of '
                   'interest and binning), but /left/image_raw has 320x240'),
    (nothing_seen, '/left/camera_info: by K, D, R and P the rectified image shows nothing'),
])
def test_a_calibration_that_cannot_rectify_is_explained_and_the_next_one_works(
        graph, start, spoil, expected):
    node = start()
    infos = info_messages(1.0)
    spoil(infos)
    publish(graph, 1.0, infos=infos)
    graph.wait_for_log(expected)
    assert node.statistics.rejected == 1
    assert graph.received['depth'] == []
    publish(graph, 2.0)
    assert stamp_of(graph.wait_for('depth')) == 2.0


def test_k_and_d_do_not_matter_where_images_come_rectified(graph, start):
    start(rectify=False)
    infos = info_messages(1.0)
    not_calibrated(infos)
    unknown_model(infos)
    publish(graph, 1.0, raw_stereo.rectified_images(), infos, topic='image_rect')
    graph.wait_for('depth')
