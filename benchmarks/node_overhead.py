#!/usr/bin/env python3
"""
Cost of the stereo node around the matcher, per frame, next to the naive way.

The node is real, its publishers are real, and a second process subscribes to all four outputs;
only the matcher is replaced by one that returns a finished disparity. CPU time is that of all
threads of the node's process, transport included. The ways alternate in one run, so that
whatever else the machine does hits all alike.

    python benchmarks/node_overhead.py [--width 1280 --height 720] [--json FILE]
"""
import argparse
from collections.abc import Callable, Mapping
import contextlib
from functools import partial
import gc
import json
import multiprocessing
import os
import statistics
import struct
import time
from types import SimpleNamespace
from typing import Any

if __name__ == '__main__':  # the second process inherits it
    os.environ['ROS_DOMAIN_ID'] = str(os.getpid() % 100 + 1)
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

import cv2
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, PointCloud2, PointField
from stereo_msgs.msg import DisparityImage

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.inference.matcher import Matcher
from panmatch_ros.nodes.outputs import camera_info_message
from panmatch_ros.nodes.process import keep_freed_memory
from panmatch_ros.nodes.stereo_node import StereoNode

OUTPUTS = {'disparity': DisparityImage, 'depth': Image, 'points2': PointCloud2,
           'confidence': Image}

OURS: dict[str, dict[str, Any]] = {
    'panmatch': {}, 'panmatch, 32-byte points': {'avoid_point_cloud_padding': False},
    'panmatch, range limits': {'max_depth': 50.0},
    'panmatch, speckle filter': {'filter_speckle_size': 100}}


class FinishedMatcher(Matcher):
    """Returns a disparity that was made before."""

    name = backend = 'finished'

    def __init__(self, result: Disparity) -> None:
        self.result = result

    def match(self, image0: np.ndarray, image1: np.ndarray) -> Displacement:
        raise TypeError('this benchmark measures stereo only')

    def match_stereo(self, left: np.ndarray, right: np.ndarray) -> Disparity:
        return self.result


class FinishedStereoNode(StereoNode):
    """A stereo node that matches nothing."""

    finished: FinishedMatcher

    @property
    def matcher(self) -> Matcher:
        return self.finished


def subscribe(ready: Any, stop: Any, counts: Any) -> None:
    """Run the second process: take everything that arrives."""
    rclpy.init()
    node = rclpy.create_node('overhead_listener')

    def count(index: int) -> Callable[[bytes], None]:
        def callback(_: bytes) -> None:
            counts[index] += 1
        return callback

    for index, (name, message_type) in enumerate(OUTPUTS.items()):
        node.create_subscription(message_type, name, count(index), QoSProfile(depth=1), raw=True)
    ready.set()
    with contextlib.suppress(ExternalShutdownException, KeyboardInterrupt):
        while not stop.is_set():
            rclpy.spin_once(node, timeout_sec=0.05)
    rclpy.try_shutdown()


def make_input(height: int, width: int) -> tuple[tuple, StereoRig, Disparity]:
    """Make the messages of a pair, its rig and a plausible disparity with holes."""
    random = np.random.default_rng(0)
    rig = StereoRig.ideal((height, width), 700.0, 0.12)
    disparity = cv2.GaussianBlur(random.uniform(5, 100, (height, width)).astype(np.float32),
                                 (0, 0), 9)
    confidence = np.clip(cv2.GaussianBlur(random.uniform(0, 1, (height, width)).astype(
        np.float32), (0, 0), 5) * 8 - 3.2, 0, 1).astype(np.float32)
    messages = []
    for camera in (rig.left, rig.right):
        image = Image(height=height, width=width, encoding='bgr8', step=3 * width)
        image.header.frame_id = 'left'
        image.data.frombytes(random.integers(0, 256, (height, width, 3), np.uint8).tobytes())
        info = camera_info_message(image.header, camera)
        info.p[3] = camera.tx
        messages.append((image, info))
    (left, left_info), (right, right_info) = messages
    return (left, right, left_info, right_info), rig, Disparity(disparity, confidence)


def naive(item: tuple, rig: StereoRig, result: Disparity, publishers: Mapping[str, Any],
          threshold: float) -> None:
    """Do the same as common nodes do it: copies by cv_bridge's ways, a loop over the points."""
    left, right, _, _ = item
    images = []
    for message in (left, right):
        pixels = np.frombuffer(bytes(message.data), np.uint8).reshape(
            message.height, message.width, 3).copy()
        images.append(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    disparity = np.where(result.confidence < threshold, np.nan, result.disparity)
    depth = rig.focal_px * rig.baseline_m / disparity

    def to_image(values: np.ndarray) -> Image:
        message = Image(header=left.header, height=values.shape[0], width=values.shape[1],
                        encoding='32FC1', step=4 * values.shape[1])
        message.data = np.ascontiguousarray(values, np.float32).tobytes()
        return message

    publishers['disparity'].publish(DisparityImage(
        header=left.header, image=to_image(disparity), f=rig.focal_px, t=rig.baseline_m))
    publishers['depth'].publish(to_image(depth))
    publishers['confidence'].publish(to_image(result.confidence))
    data = bytearray()
    camera, rgb = rig.left, images[0]
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            z = float(depth[y, x])
            r, g, b = rgb[y, x]
            color = (int(r) << 16) | (int(g) << 8) | int(b)
            data += struct.pack('<fffI', (x - camera.cx) * z / camera.fx,
                                (y - camera.cy) * z / camera.fy, z, color)
    cloud = PointCloud2(header=left.header, height=depth.shape[0], width=depth.shape[1],
                        point_step=16, row_step=16 * depth.shape[1], is_dense=False)
    cloud.fields = [PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
                    for index, name in enumerate(('x', 'y', 'z', 'rgb'))]
    cloud.data = bytes(data)
    publishers['points2'].publish(cloud)


def cost_ms(work: Callable[[], object], frames: int) -> tuple[float, float]:
    """CPU and wall milliseconds of a frame, until the transport threads have done their part."""
    cpu, wall = time.process_time(), 0.0
    for _ in range(frames):
        start = time.perf_counter()
        work()
        wall += time.perf_counter() - start
        time.sleep(0.03)
    return (time.process_time() - cpu) * 1000 / frames, wall * 1000 / frames


def wait_until(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit('the outputs found no subscriber')
        time.sleep(0.01)


def measure(rounds: int, frames: int, size: tuple[int, int]) -> dict:
    """Run all ways in turn; milliseconds of each."""
    height, width = size
    context = multiprocessing.get_context('spawn')
    ready, stop = context.Event(), context.Event()
    counts = context.Array('i', len(OUTPUTS))
    listener = context.Process(target=subscribe, args=(ready, stop, counts), daemon=True)
    listener.start()
    ready.wait(30)
    keep_freed_memory()
    rclpy.init()
    node = FinishedStereoNode()
    gc.freeze()  # as the process of the node does
    wanted = frozenset(OUTPUTS)
    wait_until(lambda: wanted <= node.wanted())
    item, rig, result = make_input(height, width)
    settings = {name: SimpleNamespace(**{**vars(node.settings), **changes})
                for name, changes in OURS.items()}
    node.finished = FinishedMatcher(result)

    def ours(name: str) -> None:
        node.settings = settings[name]
        node.process(item, wanted)

    ways: dict[str, Callable[[], None]] = {name: partial(ours, name) for name in settings}
    ways['naive'] = lambda: naive(item, rig, result, node.outputs,
                                  node.settings.confidence_threshold)
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for index in range(rounds + 1):
        for name, work in ways.items():
            cost = cost_ms(work, 1 if name == 'naive' else frames)
            if index:  # the first round warms up
                costs[name].append(cost)
    stop.set()
    listener.join(5)
    node.stop()
    node.destroy_node()
    rclpy.try_shutdown()
    summary = {name: {'cpu_median_ms': statistics.median(cpu for cpu, _ in values),
                      'cpu_best_ms': min(cpu for cpu, _ in values),
                      'wall_median_ms': statistics.median(wall for _, wall in values)}
               for name, values in costs.items()}
    for values in summary.values():
        values['naive_ratio'] = summary['naive']['cpu_median_ms'] / values['cpu_median_ms']
    return {'size': [height, width], 'ways': summary,
            'delivered': {name: counts[index] for index, name in enumerate(OUTPUTS)}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--frames', type=int, default=20, help='of each round')
    parser.add_argument('--width', type=int, default=1280)
    parser.add_argument('--height', type=int, default=720)
    parser.add_argument('--json', help='write the numbers to this file too')
    args = parser.parse_args()
    numbers = measure(args.rounds, args.frames, (args.height, args.width))
    print(f'stereo node without the matcher, {args.width}x{args.height}, bgr8 in; disparity, '
          'depth, points2 and confidence out')
    print(f"CPU of all threads of the node's process per frame, {args.rounds} rounds of "
          f'{args.frames} frames')
    print(f'{"":26}{"median ms":>12}{"best ms":>12}{"wall ms":>12}{"naive / this":>15}')
    for name, values in numbers['ways'].items():
        print(f'{name:26}{values["cpu_median_ms"]:12.1f}{values["cpu_best_ms"]:12.1f}'
              f'{values["wall_median_ms"]:12.1f}{values["naive_ratio"]:15.1f}')
    print(f'messages delivered to the second process: {numbers["delivered"]}')
    if args.json:
        with open(args.json, 'w') as file:
            json.dump(numbers, file, indent=2)


if __name__ == '__main__':
    main()
