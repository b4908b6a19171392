"""What the log of a node says of its matcher, each thing once."""
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from panmatch_ros.inference.auto import AutoMatcher
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.inference.engine_status import engine_status
from panmatch_ros.nodes.engines import EngineLog


@pytest.fixture
def lines():
    return []


@pytest.fixture
def note(lines):
    log = EngineLog(SimpleNamespace(info=lines.append, warning=lines.append))
    return lambda matcher: log.note(matcher, engine_status(matcher))


def test_what_computes_is_said_once(note, lines):
    note(None)
    assert lines == []
    for _ in range(3):
        note(ClassicalMatcher())
    assert lines == ['matching with classical (opencv, fp32)']


def test_auto_is_said_once_it_is_settled(note, lines):
    matcher = AutoMatcher()
    note(matcher)
    assert lines == []
    image = np.zeros((64, 80, 3), np.uint8)
    matcher.match_stereo(image, image)
    note(matcher)
    assert lines == ['matching with classical (opencv, fp32)']
