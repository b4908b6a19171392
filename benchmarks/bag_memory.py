#!/usr/bin/env python3
"""
Memory that `panmatch bag` takes for a long recording: 1000 stereo pairs of 640 x 480 pixels.

    python benchmarks/bag_memory.py                 writes a bag of 0.7 GB to a temporary folder
    python benchmarks/bag_memory.py --frames 100 --save both

Prints the peak of the resident memory of the process that evaluates, and its time.
"""
import argparse
from pathlib import Path
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.data.bags.types import make
from panmatch_ros.data.bags.writer import (
    BagWriter,
    camera_info_message,
    header,
    image_message,
)
from panmatch_ros.data.synthetic.textures import Texture

SIZE = (480, 640)
RIG = StereoRig.ideal(SIZE, focal_px=500.0, baseline_m=0.1)
DISPARITY_PX, STEP_PX, WALL_PX = 20, 3, 400
PERIOD_NS = 33_333_333
TOPICS = {'left': '/left/image_rect', 'right': '/right/image_rect'}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--frames', type=int, default=1000)
    parser.add_argument('--matcher', default='classical')
    parser.add_argument('--save', default='none', help='as of panmatch bag (default none)')
    parser.add_argument('--limit-mb', type=float, default=1000.0, help='exit 1 if beyond')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='bag_memory_') as folder:
        write_bag(Path(folder) / 'bag', args.frames)
        start_s = time.perf_counter()
        subprocess.run([sys.executable, '-m', 'panmatch_ros.cli.main', 'bag', f'{folder}/bag',
                        '--out', f'{folder}/out', '--matcher', args.matcher, '--save', args.save],
                       check=True)
        elapsed_s = time.perf_counter() - start_s
        rows = (Path(folder) / 'out' / 'frames.csv').read_text().count('\n') - 1
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(f'{rows} frames of {SIZE[1]}x{SIZE[0]}, {args.matcher}, --save {args.save}: '
          f'peak {peak_mb:.0f} MB resident, {elapsed_s:.0f} s '
          f'({1e3 * elapsed_s / max(rows, 1):.0f} ms a frame)')
    return 0 if rows == args.frames and peak_mb < args.limit_mb else 1


def write_bag(path: Path, frames: int) -> None:
    """Write a stereo camera that moves along a wall, with points of a lidar on that wall."""
    y, x = np.mgrid[:SIZE[0], :SIZE[1] + WALL_PX].astype(float)
    wall = Texture(seed=1, cell=4.0).colors(x.ravel(), y.ravel())
    wall = np.rint(wall.reshape(*x.shape, 3).mean(axis=2)).astype(np.uint8)
    rng = np.random.default_rng(0)
    depth = RIG.focal_px * RIG.baseline_m / DISPARITY_PX
    with BagWriter(path) as writer:
        writer.write('/tf_static', make('tf2_msgs/msg/TFMessage', transforms=[transform()]), 0)
        for index in range(frames):
            stamp_ns = 1_000_000_000 + index * PERIOD_NS
            shift = index * STEP_PX % (WALL_PX - DISPARITY_PX)
            for side, camera, start in (('left', RIG.left, shift),
                                        ('right', RIG.right, shift + DISPARITY_PX)):
                top = header(stamp_ns, f'{side}_optical')
                writer.write(f'/{side}/camera_info', camera_info_message(top, camera), stamp_ns)
                writer.write(TOPICS[side], image_message(top, wall[:, start:start + SIZE[1]]),
                             stamp_ns)
            points = rng.uniform((-1, -1, depth), (1, 1, depth), (2000, 3)).astype(np.float32)
            writer.write('/lidar/points', cloud(stamp_ns, points), stamp_ns)


def transform() -> object:
    """Make the transform of a lidar in the place of the left camera."""
    zero = make('geometry_msgs/msg/Vector3', x=0.0, y=0.0, z=0.0)
    turn = make('geometry_msgs/msg/Quaternion', x=0.0, y=0.0, z=0.0, w=1.0)
    return make('geometry_msgs/msg/TransformStamped', header=header(0, 'left_optical'),
                child_frame_id='lidar', transform=make(
                    'geometry_msgs/msg/Transform', translation=zero, rotation=turn))


def cloud(stamp_ns: int, points: np.ndarray) -> object:
    """Make a cloud of (N, 3) float32 points."""
    fields = [make('sensor_msgs/msg/PointField', name=name, offset=4 * index, datatype=7, count=1)
              for index, name in enumerate('xyz')]
    return make('sensor_msgs/msg/PointCloud2', header=header(stamp_ns, 'lidar'), height=1,
                width=len(points), fields=fields, is_bigendian=False, point_step=12,
                row_step=12 * len(points), data=points.reshape(-1).view(np.uint8), is_dense=True)


if __name__ == '__main__':
    sys.exit(main())
