"""The player is a camera, the recorder keeps what nodes publish."""
import json

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from ros_harness import image_message, stamp_of
from sensor_msgs.msg import CameraInfo, Image

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.calibration import (
    camera_info_from_camera,
    write_camera_info_yaml,
    write_middlebury_calib,
)
from panmatch_ros.nodes.image_player import ImagePlayer
from panmatch_ros.nodes.recorder import Recorder

pytestmark = pytest.mark.ros


def picture(value, size=(24, 32)):
    return np.full((*size, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    for index, value in enumerate((10, 20, 30)):
        cv2.imwrite(str(tmp_path / f'{index}.png'), picture(value))
    return tmp_path


def test_stereo_player_publishes_pairs_with_their_calibration(graph, folder):
    rig = StereoRig.ideal((24, 32), focal_px=40.0, baseline_m=0.25)
    write_middlebury_calib(folder / 'calib.txt', rig)
    topics = {'left/image_rect': Image, 'right/image_rect': Image,
              'left/camera_info': CameraInfo, 'right/camera_info': CameraInfo}
    for topic, message_type in topics.items():
        graph.listen(topic, message_type)
    graph.add(ImagePlayer, left=str(folder / '0.png'), right=str(folder / '1.png'),
              calibration=str(folder / 'calib.txt'), rate_hz=20.0, scale=0.5)
    left, right, left_info, right_info = (graph.wait_for(topic, 2) for topic in topics)
    assert (left.height, left.width, left.encoding) == (12, 16, 'rgb8')
    assert (left.data[0], right.data[0]) == (10, 20)
    assert left.header.frame_id == 'camera_optical_frame'
    assert len({stamp_of(message) for message in (left, right, left_info, right_info)}) == 1
    assert left_info.p[0] == pytest.approx(20.0)  # half of the size
    assert left_info.p[3] == 0.0
    assert right_info.p[3] == pytest.approx(-20.0 * 0.25)


def test_calibration_may_have_a_space_in_its_name_or_be_two_files(graph, folder):
    rig = StereoRig.ideal((24, 32), focal_px=40.0, baseline_m=0.25)
    (folder / 'my rig').mkdir()
    write_middlebury_calib(folder / 'my rig' / 'calib.txt', rig)
    for side, camera in (('left', rig.left), ('right', rig.right)):
        write_camera_info_yaml(folder / f'{side}.yaml', camera_info_from_camera(camera))
    graph.listen('right/camera_info', CameraInfo)
    for calibration in (folder / 'my rig' / 'calib.txt', folder / 'my rig',
                        f'{folder / "left.yaml"} {folder / "right.yaml"}'):
        graph.received['right/camera_info'].clear()
        player = graph.add(ImagePlayer, left=str(folder / '0.png'), loop=False, rate_hz=20.0,
                           right=str(folder / '1.png'), calibration=str(calibration))
        assert graph.wait_for('right/camera_info').p[3] == pytest.approx(-40.0 * 0.25)
        assert graph.spin_until(lambda player=player: player.finished)


def test_single_camera_player_ends_after_the_last_image(graph, folder):
    graph.listen('image', Image)
    player = graph.add(ImagePlayer, images=str(folder), rate_hz=50.0, loop=False)
    assert graph.spin_until(lambda: player.finished)
    stamps = [stamp_of(message) for message in graph.received['image']]
    assert len(stamps) <= 3
    assert stamps == sorted(stamps)


def test_player_wants_images_or_a_pair(graph):
    with pytest.raises(ConfigError, match='set either images, or left and right'):
        graph.add(ImagePlayer, images='a.png', left='b.png')


def test_pair_needs_calibration_and_equal_numbers(graph, folder):
    with pytest.raises(ConfigError, match='a stereo pair needs the parameter calibration'):
        graph.add(ImagePlayer, left=str(folder / '0.png'), right=str(folder / '1.png'))
    with pytest.raises(ConfigError, match='the same number of images, got 3 and 1'):
        graph.add(ImagePlayer, left=str(folder), right=str(folder / '1.png'))


def test_calibration_of_another_shape_is_refused(graph, folder):
    write_middlebury_calib(folder / 'calib.txt', StereoRig.ideal((24, 64), 40.0, 0.25))
    player = graph.add(ImagePlayer, left=str(folder / '0.png'), right=str(folder / '1.png'),
                       calibration=str(folder / 'calib.txt'), rate_hz=0.01)
    with pytest.raises(ConfigError, match='which no resizing brings to 32x24'):
        player._publish()


def test_recorder_needs_a_folder(graph):
    with pytest.raises(ConfigError, match='set out to the folder'):
        graph.add(Recorder)


def test_recorder_writes_what_came_of_one_stamp(graph, tmp_path):
    recorder = graph.add(Recorder, task='flow', out=str(tmp_path / 'out'))
    flow = np.random.default_rng(0).normal(size=(4, 6, 2)).astype(np.float32)
    confidence = np.full((4, 6), 0.5, np.float32)
    for stamp, value in ((1.0, 10), (1.1, 20), (1.2, 30)):
        graph.publish('image', image_message(picture(value, (4, 6)), 'rgb8', stamp))
    for stamp in (1.1, 1.2):
        graph.publish('flow', image_message(flow + stamp, '32FC2', stamp))
    graph.publish('flow/confidence', image_message(confidence, '32FC1', 1.2))
    assert graph.spin_until(lambda: recorder._arrivals['flow/confidence']
                            and len(recorder._arrivals['flow']) == 2
                            and len(recorder._arrivals['image']) == 3)
    recorder.write()
    with np.load(tmp_path / 'out' / 'outputs.npz', allow_pickle=False) as arrays:
        assert np.array_equal(arrays['flow'], flow + np.float32(1.2))
        assert np.array_equal(arrays['flow/confidence'], confidence)
        assert arrays['image'][0, 0, 0] == 30
        assert arrays['image.before'][0, 0, 0] == 20  # the image of the flow before
        assert arrays['flow.dt'] == pytest.approx(0.1)
    record = json.loads((tmp_path / 'out' / 'record.json').read_text())
    assert record['topics']['image']['count'] == 3
    assert record['topics']['flow']['count'] == 2
    assert record['topics']['flow/image_color'] == {'count': 0}


def test_recorder_gives_up_in_time_and_keeps_what_it_has(graph, tmp_path):
    graph.add(Recorder, task='flow', out=str(tmp_path / 'out'), timeout_seconds=0.5)
    with pytest.raises(SystemExit) as end:
        graph.spin_for(5)
    assert end.value.code == 1
    assert (tmp_path / 'out' / 'record.json').exists()
