"""Which decoder serves, with cv_bridge modules that work, are broken, or lie."""
import logging
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from ros_harness import image_message

from panmatch_ros.nodes import compat
from panmatch_ros.nodes.conversions import image_from_message

pytestmark = pytest.mark.ros
RGB = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


class CvBridgeError(TypeError):
    """As cv_bridge defines it."""


class WorkingBridge:
    """Do what cv_bridge does with plain colour images, and count the calls."""

    calls = 0

    def imgmsg_to_cv2(self, message, desired_encoding):
        assert desired_encoding == 'passthrough'
        type(self).calls += 1
        dtype = np.uint16 if message.encoding.endswith('16') else np.uint8
        return np.frombuffer(message.data, dtype).reshape(message.height, message.width, 3).copy()


class SwappingBridge(WorkingBridge):
    def imgmsg_to_cv2(self, message, desired_encoding):
        return super().imgmsg_to_cv2(message, desired_encoding)[..., ::-1]


class RaisingBridge(WorkingBridge):
    """Work on the first message, then raise what the test chose."""

    error: Exception

    def imgmsg_to_cv2(self, message, desired_encoding):
        if self.calls:
            raise self.error
        return super().imgmsg_to_cv2(message, desired_encoding)


class ReshapingBridge(WorkingBridge):
    """Work on the first message, then answer in a wrong shape or type."""

    change = staticmethod(lambda pixels: pixels)

    def imgmsg_to_cv2(self, message, desired_encoding):
        pixels = super().imgmsg_to_cv2(message, desired_encoding)
        return pixels if self.calls == 1 else self.change(pixels)


@pytest.fixture(autouse=True)
def fresh_choice(monkeypatch):
    monkeypatch.delitem(sys.modules, 'cv_bridge', raising=False)
    compat.working_bridge.cache_clear()
    compat._note_refusal.cache_clear()
    yield
    compat.working_bridge.cache_clear()


@pytest.fixture
def install(monkeypatch):
    """Give a function that puts a module cv_bridge with this class in place."""
    def put(bridge_class, **attributes):
        module = ModuleType('cv_bridge')
        module.CvBridge = type('CvBridge', (bridge_class,), {'calls': 0, **attributes})
        monkeypatch.setitem(sys.modules, 'cv_bridge', module)
        return module.CvBridge
    return put


def read_twice():
    for _ in range(2):
        assert np.array_equal(image_from_message(image_message(RGB, 'rgb8', 1.0), 'x'), RGB)


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_bridge_that_works_is_used(install, caplog):
    bridge = install(WorkingBridge)
    read_twice()
    assert bridge.calls == 3  # the probe and both images
    assert warnings_of(caplog) == []


def test_without_cv_bridge_nothing_is_said(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    read_twice()
    assert compat.working_bridge() is None
    assert warnings_of(caplog) == []


@pytest.mark.parametrize('statement', [
    "raise AttributeError('_ARRAY_API not found')",
    "raise ImportError('numpy.core.multiarray failed to import')",
    "raise SystemError('initialization of cv_bridge_boost raised unreported exception')",
    'import module_that_is_missing',
    '',  # a folder of that name without CvBridge
])
def test_an_import_that_fails_warns_once(statement, tmp_path, monkeypatch, caplog):
    (tmp_path / 'cv_bridge').mkdir()
    (tmp_path / 'cv_bridge' / '__init__.py').write_text(statement)
    monkeypatch.syspath_prepend(tmp_path)
    read_twice()
    sys.modules.pop('cv_bridge', None)
    (warning,) = warnings_of(caplog)
    assert warning.startswith('cv_bridge is installed but cannot be imported (')
    assert warning.endswith('using our own conversion')


def test_a_bridge_that_converts_wrongly_is_not_used_and_warns_once(install, caplog):
    bridge = install(SwappingBridge)
    read_twice()
    assert bridge.calls == 1
    (warning,) = warnings_of(caplog)
    assert 'it read [[[3, 2, 1], [600, 5, 4]]] instead of [[[1, 2, 3], [4, 5, 600]]]' in warning


@pytest.mark.parametrize('error', [
    AttributeError('`newbyteorder` was removed from the ndarray class in NumPy 2.0'),
    KeyError(64),  # the number of CV_8UC3 in OpenCV 5
])
def test_a_bridge_that_raises_on_the_probe_is_not_used_and_warns_once(error, install, caplog):
    install(RaisingBridge, error=error, calls=1)
    read_twice()
    (warning,) = warnings_of(caplog)
    assert 'cv_bridge is installed but does not convert' in warning
    assert type(error).__name__ in warning


@pytest.mark.parametrize('error', [
    CvBridgeError('Unrecognized image encoding [rgb8]'),
    AttributeError('`newbyteorder` was removed from the ndarray class in NumPy 2.0'),
    cv2.error('(-215:Assertion failed)'),
    RuntimeError('unidentifiable C++ exception'),
    ValueError('buffer is too small'),
])
def test_an_image_that_the_bridge_refuses_is_read_without_it(error, install, caplog):
    caplog.set_level(logging.INFO)
    install(RaisingBridge, error=error)
    read_twice()
    (note,) = [record.getMessage() for record in caplog.records]
    assert note.startswith('cv_bridge does not convert rgb8 images (')
    assert type(error).__name__ in note


@pytest.mark.parametrize('change', [
    lambda pixels: pixels[..., 0],
    lambda pixels: pixels[:, :-1],
    lambda pixels: pixels.astype(np.float32),
    lambda pixels: None,
])
def test_an_answer_of_wrong_shape_or_type_is_not_believed(change, install):
    install(ReshapingBridge, change=staticmethod(change))
    read_twice()
