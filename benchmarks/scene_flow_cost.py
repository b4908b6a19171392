#!/usr/bin/env python3
"""
CPU time of scene flow, step by step, in one thread, with the memory settings of a node.

A board that moves before a wall, seen by a camera that moves forward; disparity and flow are
exact, so nothing is left out: the costliest case.

    python benchmarks/scene_flow_cost.py [--width 640 --height 480 --repeats 30]
"""
import argparse
from collections.abc import Callable
import os
import statistics
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import cv2
import numpy as np

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.disparity import disparity_from_depth
from panmatch_ros.core.ego_motion import estimate_ego_motion
from panmatch_ros.core.flow_inversion import invert_flow
from panmatch_ros.core.rigid_motion import make_transform, rigid_flow
from panmatch_ros.core.scene_flow import (
    points_by_forward_flow,
    points_on_newer_grid,
    points_on_older_grid,
    scene_flow,
)
from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.nodes.process import keep_freed_memory

DT_S = 0.1
WALL_M, BOARD_M = 5.0, 3.0
FORWARD_M, BOARD_MOVES_M = 0.08, 0.12


def scene(rig: StereoRig, T_1_0: np.ndarray) -> tuple[Disparity, Disparity, Displacement]:
    """Make disparities of both frames and the flow of the older one."""
    height, width = rig.left.height, rig.left.width
    rows = slice(height // 4, 3 * height // 4)
    board_px = round(BOARD_MOVES_M / BOARD_M * rig.focal_px)
    disparities = []
    for shift, nearer in ((0, 0.0), (board_px, FORWARD_M)):
        depth = np.full((height, width), WALL_M - nearer, np.float32)
        depth[rows, width // 4 + shift:width // 2 + shift] = BOARD_M - nearer
        disparities.append(disparity_from_depth(depth, rig))
        if shift == 0:
            flow = rigid_flow(depth, rig.left.K, rig.left.K, T_1_0)
            flow[rows, width // 4:width // 2, 0] += board_px
    sure = np.ones((height, width), np.float32)
    first, second = (Disparity(disparity, sure) for disparity in disparities)
    return first, second, Displacement(flow, sure)


def measure(name: str, function: Callable[[], object], repeats: int) -> None:
    """Print median and 95th percentile of the CPU time of the process."""
    times = []
    for _ in range(repeats + 3):
        start = time.process_time()
        function()
        times.append(1e3 * (time.process_time() - start))
    times = sorted(times[3:])
    print(f'{name:24} {statistics.median(times):6.1f} ms, p95 '
          f'{times[int(0.95 * (len(times) - 1))]:6.1f} ms')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--width', type=int, default=640)
    parser.add_argument('--height', type=int, default=480)
    parser.add_argument('--repeats', type=int, default=30)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    keep_freed_memory()
    rig = StereoRig.ideal((options.height, options.width), 0.94 * options.width, 0.12)
    T_1_0 = make_transform(np.eye(3), np.array([0, 0, -FORWARD_M]))
    disparity0, disparity1, flow01 = scene(rig, T_1_0)
    flow10 = invert_flow(flow01, disparity0.disparity)
    pairs = points_by_forward_flow(disparity0, disparity1, flow01, rig)
    print(f'{options.width} x {options.height}, {pairs.valid.mean():.0%} of the pixels known')
    for name, function in (
            ('invert_flow', lambda: invert_flow(flow01, disparity0.disparity)),
            ('points_by_forward_flow',
             lambda: points_by_forward_flow(disparity0, disparity1, flow01, rig)),
            ('points_on_newer_grid',
             lambda: points_on_newer_grid(disparity0, disparity1, flow10, rig)),
            ('points_on_older_grid',
             lambda: points_on_older_grid(disparity0, disparity1, flow01, rig)),
            ('scene_flow', lambda: scene_flow(pairs, rig, DT_S, T_1_0)),
            ('estimate_ego_motion', lambda: estimate_ego_motion(pairs, rig))):
        measure(name, function, options.repeats)


if __name__ == '__main__':
    main()
