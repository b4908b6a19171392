"""The camera of a rectified image: what is read, refused and mentioned."""
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from sensor_msgs.msg import CameraInfo, Image

from panmatch_ros.core.errors import CalibrationError
from panmatch_ros.nodes.camera_reader import CameraReader
from panmatch_ros.nodes.inputs import InputTopic

pytestmark = pytest.mark.ros


class Log:
    def __init__(self):
        self.warnings, self.infos = [], []

    def warning(self, text, key=''):
        self.warnings.append(text)

    def info(self, text, key=''):
        self.infos.append(text)


def reader_of(topic, log=None):
    image, info = InputTopic('image', Image, print), InputTopic('camera_info', CameraInfo, print)
    image.resolved, info.resolved = topic, '/cam/camera_info'
    return CameraReader(image, info, log or Log())


def info(k1=0.0):
    message = CameraInfo(width=64, height=48, distortion_model='plumb_bob',
                         d=[k1, 0.0, 0.0, 0.0, 0.0])
    message.p = [50.0, 0.0, 31.5, 0.0, 0.0, 50.0, 23.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def test_camera_of_p():
    camera = reader_of('/cam/image_rect').read(info(), (48, 64, 3))
    assert (camera.fx, camera.cx, camera.height) == (50.0, 31.5, 48)


def test_other_size_is_refused():
    with pytest.raises(CalibrationError, match=r'/cam/camera_info describes an image of 64x48 .*'
                       '/cam/image_rect has 128x96'):
        reader_of('/cam/image_rect').read(info(), (96, 128))


@pytest.mark.parametrize(('topic', 'k1', 'warnings', 'infos'), [
    ('/cam/image_raw', -0.3, 1, 0),
    ('/cam/image_raw/compressed', -0.3, 1, 0),
    ('/raw/image_rect', -0.3, 0, 0),
    ('/cam/image_rect_color/compressed', -0.3, 0, 0),
    ('/cam/image', -0.3, 0, 1),
    ('/cam/image_raw', 0.0, 0, 0),
])
def test_distortion_of_what_may_not_be_rectified_is_said(topic, k1, warnings, infos):
    log = Log()
    reader_of(topic, log).read(info(k1), (48, 64))
    assert (len(log.warnings), len(log.infos)) == (warnings, infos)
    assert all('is not rectified' in text for text in log.warnings)
