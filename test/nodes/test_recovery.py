"""Disturbed nodes, live: what comes afterwards is right, and every frame is accounted for."""
from dataclasses import dataclass
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from live_camera import (
    DISPARITY_PX,
    INNER,
    LARGE,
    MONO,
    MOTION_PX,
    RATE_HZ,
    SMALL,
    START_S,
    STEREO,
    LiveCamera,
)
from rclpy.qos import QoSProfile
from ros_harness import floats_of, stamp_of
from sensor_msgs.msg import Image
from stereo_msgs.msg import DisparityImage

from panmatch_ros.core.stamp_guard import LATE_LIMIT
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

OUTPUTS = {StereoNode: ('disparity',), FlowNode: ('flow',), PerceptionNode: ('disparity', 'flow')}
ENOUGH = 4                         # outputs that show that they flow again
EVERYTHING = QoSProfile(depth=1000)  # the listener loses no output
TOLERANCE_S = 1e-4                 # of stamps


def check_disparity(message, _):
    disparity = floats_of(message.image)[INNER]
    assert np.isfinite(disparity).mean() > 0.9
    expected = DISPARITY_PX[message.image.height, message.image.width]
    assert np.nanmedian(disparity) == pytest.approx(expected, abs=0.1)
    assert (message.f, message.t) == (pytest.approx(200.0), pytest.approx(0.3))


def check_flow(message, fewest):
    """Frames may be left out, so the flow is that of a whole number of periods."""
    motion = np.nanmedian(floats_of(message, 2)[INNER], axis=(0, 1))
    periods = round(motion[0] / MOTION_PX[0])
    assert fewest <= periods <= 6
    assert motion == pytest.approx(periods * MOTION_PX, abs=0.2)


CHECKS = {'disparity': check_disparity, 'flow': check_flow}


@dataclass
class Run:
    """A node, its camera, and all outputs that have come."""

    graph: Any
    node: Any
    camera: Any

    @property
    def outputs(self):
        return {topic: self.graph.received[topic] for topic in OUTPUTS[type(self.node)]}

    def wait(self, choose, fewest=1):
        """
        Wait for enough outputs of each topic, check them, and give them.

        :param choose: takes all messages of a topic and gives those that count.
        :param fewest: periods between two images that are matched.
        """
        assert self.graph.spin_until(
            lambda: all(len(choose(messages)) >= ENOUGH for messages in self.outputs.values()),
            timeout_s=20), (self.outputs.keys(), self.graph.log_text())
        chosen = {topic: choose(messages) for topic, messages in self.outputs.items()}
        for topic, messages in chosen.items():
            for message in messages:
                CHECKS[topic](message, fewest)
        return chosen

    def finish(self):
        """End the camera, and check that every frame is accounted for; give the counters."""
        self.camera.end()
        counts, deadline = self.node.statistics, time.monotonic() + 10
        received = -1
        while received != counts.received or self.node.frames_waiting():
            assert time.monotonic() < deadline, self.graph.log_text()
            received = counts.received
            self.graph.spin_for(0.5)
        assert counts.received == (counts.processed + counts.dropped + counts.rejected
                                   + counts.skipped)
        made = max(len(messages) for messages in self.outputs.values())
        assert counts.processed == made
        assert counts.rejected == 0, self.graph.log_text()
        return counts


def between(start_s, end_s=np.inf):
    return lambda messages: [message for message in messages
                             if start_s - TOLERANCE_S < stamp_of(message) < end_s]


def since_stamps_went_back(messages):
    stamps = [stamp_of(message) for message in messages]
    last = max((index for index in range(1, len(stamps)) if stamps[index] < stamps[index - 1]),
               default=len(stamps))
    return messages[last:]


@pytest.fixture(params=list(OUTPUTS), ids=lambda node_class: node_class.__name__)
def run(request, graph):
    """Give a node at work."""
    node = graph.add(request.param, matcher='classical')
    for topic in OUTPUTS[request.param]:
        graph.listen(topic, DisparityImage if topic == 'disparity' else Image, EVERYTHING)
    run = Run(graph, node, LiveCamera(graph, topics_of(node)))
    run.wait(between(START_S))
    return run


def topics_of(node):
    return MONO if isinstance(node, FlowNode) else STEREO


@pytest.mark.parametrize('start_s', [START_S + 60, 5.0], ids=['later', 'clock starts anew'])
def test_camera_that_is_restarted(run, start_s):
    run.camera.end()
    run.graph.spin_for(0.3)
    run.camera = LiveCamera(run.graph, topics_of(run.node), start_s)
    chosen = run.wait(between(start_s, start_s + 60))
    if 'flow' in chosen:  # no image is matched to one of the time before
        assert stamp_of(chosen['flow'][0]) > run.camera.stamps[0] + TOLERANCE_S
    assert run.finish().late == 0


def test_size_that_changes_and_changes_back(run):
    for size in (SMALL, LARGE):
        run.camera.size = size
        for messages in run.wait(between(run.camera.stamp_s)).values():
            images = [getattr(message, 'image', message) for message in messages]
            assert {(image.height, image.width) for image in images} == {size}
    assert run.finish().late == 0


def test_time_that_jumps_back(run):
    run.camera.stamp_s = START_S - 500
    run.wait(between(START_S - 500, START_S - TOLERANCE_S))
    run.graph.wait_for_log('stamps went back in time; starting anew')
    assert run.finish().late == 0


def test_loop_that_is_shorter_than_a_jump(run):
    """Some images are late before it is clear that the time was set back."""
    assert run.graph.spin_until(lambda: run.camera.stamp_s > START_S + 1)
    run.camera.stamp_s -= 0.9
    run.wait(since_stamps_went_back)
    images = sum(message_type is Image for message_type in topics_of(run.node).values())
    assert run.finish().late == images * (LATE_LIMIT - 1)


def test_flood(run, monkeypatch):
    slow_down(monkeypatch)
    run.camera.set_rate(200)
    run.wait(between(run.camera.stamp_s), fewest=0)
    run.graph.spin_for(1)
    run.camera.set_rate(RATE_HZ)
    run.wait(between(run.camera.stamp_s + 1 / RATE_HZ), fewest=0)
    assert run.finish().dropped > 0


def slow_down(monkeypatch):
    """Let the matching last longer than the time between two images of a flood."""
    for name in ('match', 'match_stereo'):
        method = getattr(ClassicalMatcher, name)

        def slow(self, *images, method=method):
            time.sleep(0.02)
            return method(self, *images)
        monkeypatch.setattr(ClassicalMatcher, name, slow)
