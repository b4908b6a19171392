"""The camera of the endurance benchmark: a process that publishes drawn scenes again and again."""
from collections.abc import Sequence
import contextlib
import ctypes
import fcntl
import multiprocessing
from pathlib import Path
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.data.synthetic.planes import render_stereo_scene
from panmatch_ros.nodes.outputs import ImageBuffer, camera_info_message

SIDES = ('left', 'right')
SCENES = 4
BASELINE_M = 0.12
END_S = 5.0
PAUSE_S = 0.005  # between two looks at the orders while nothing is published


class Control(ctypes.Structure):
    """
    Orders to the camera, and what it has done; in memory that outlives its process.

    ``run`` numbers the orders. The camera writes it into the ``frame_id``, which every output of
    the node has too, and notes when it began with it.
    """

    _fields_ = (('run', ctypes.c_uint32), ('size', ctypes.c_int32), ('rate_hz', ctypes.c_double),
                ('offset_s', ctypes.c_double), ('begun', ctypes.c_uint32),
                ('begun_s', ctypes.c_double), ('images', ctypes.c_uint64),
                ('is_over', ctypes.c_bool))


def write_scenes(folder: Path, sizes: Sequence[tuple[int, int]]) -> list[list[np.ndarray]]:
    """
    Draw the scenes and write them where the camera finds them.

    :param sizes: (height, width) of the images.
    :returns: for each size and scene the true disparity; NaN where the right camera sees nothing.
    """
    truths = []
    for index, size in enumerate(sizes):
        scenes = [render_stereo_scene(rig_of(size), seed) for seed in range(SCENES)]
        np.savez(folder / f'scenes_{index}.npz', left=[scene.left for scene in scenes],
                 right=[scene.right for scene in scenes])
        truths.append([np.where(scene.occlusion, np.float32(np.nan), scene.disparity)
                       for scene in scenes])
    return truths


def rig_of(size: tuple[int, int]) -> StereoRig:
    """Give the rig whose images have a size."""
    return StereoRig.ideal(size, float(size[1]), BASELINE_M)


class Camera:
    """
    Starts, orders and kills the process.

    :param folder: where the scenes are.
    """

    def __init__(self, folder: Path) -> None:
        self._context = multiprocessing.get_context('spawn')
        self._folder = folder
        self._process: Any = None
        self.control: Any = self._context.RawValue(Control)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def start(self) -> None:
        """Start the process; it goes on with the last orders."""
        self._process = self._context.Process(
            target=film, args=(self.control, self._folder), daemon=True)
        self._process.start()

    def order(self, **orders: float) -> int:
        """
        Change what is published.

        :param orders: ``rate_hz`` (0 is a pause), ``size`` (an index), ``offset_s`` of the
            stamps to the clock.
        :returns: number of the run that begins.
        """
        for name, value in orders.items():
            setattr(self.control, name, value)
        self.control.run += 1  # last: the camera then takes all of it
        return self.control.run

    def kill(self) -> None:
        """End the process without notice."""
        segments = segments_of(self.pid)
        self._process.kill()
        self._process.join()
        remove_without_owner(segments)

    def end(self) -> None:
        """End the process, if it was started."""
        self.control.is_over = True
        if self._process is not None:
            self._process.join(END_S)
            if self._process.is_alive():
                self.kill()


def segments_of(pid: int) -> set[Path]:
    """Give the shared memory of Fast DDS that a process has open, its own and that of others."""
    lines = Path(f'/proc/{pid}/maps').read_text().splitlines()
    mapped = (Path(fields[5]) for fields in (line.split(maxsplit=5) for line in lines)
              if len(fields) == 6)
    return {path for path in mapped if path.name.startswith('fastrtps_')}


def remove_without_owner(segments: set[Path]) -> None:
    """Remove what nobody locks any more: a process that is killed leaves it, 128 MiB each time."""
    for segment in segments:
        lock = segment.with_name(f'{segment.name}_el')
        if not lock.exists():
            continue
        with lock.open() as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in (segment, lock):
                left.unlink(missing_ok=True)


def film(control: Any, folder: Path) -> None:
    """Publish until it is over; this is the process."""
    rclpy.init()
    node = rclpy.create_node('endurance_camera')
    outputs = [(node.create_publisher(CameraInfo, f'{side}/camera_info', QoSProfile(depth=5)),
                node.create_publisher(Image, f'{side}/image_rect', QoSProfile(depth=5)))
               for side in SIDES]
    films = [read_film(path) for path in sorted(folder.glob('scenes_*.npz'))]
    due_s, number = time.monotonic(), 0
    while not control.is_over:
        rate_hz, now_s = control.rate_hz, time.monotonic()
        if rate_hz == 0 or now_s < due_s:
            time.sleep(PAUSE_S if rate_hz == 0 else min(due_s - now_s, PAUSE_S))
            continue
        due_s = max(due_s + 1 / rate_hz, now_s)  # what could not be sent in time is left out
        run, scene, number = control.run, number % SCENES, number + 1
        size = control.size  # after the run, which is written last
        stamp_ns = node.get_clock().now().nanoseconds + round(control.offset_s * 1e9)
        header = Header(frame_id=f'{run} {size} {scene}')
        header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        if run != control.begun:
            control.begun, control.begun_s = run, time.monotonic()
        for (infos, images), (info, views) in zip(outputs, films[size], strict=True):
            info.header = views[scene].header = header
            infos.publish(info)
            images.publish(views[scene])
            control.images += 1
    node.destroy_node()
    rclpy.try_shutdown()


def read_film(path: Path) -> list[tuple[CameraInfo, list[Image]]]:
    """Make the messages of a size: for each side its camera_info and its images."""
    with np.load(path) as stored:
        pixels = [stored[side] for side in SIDES]
    rig = rig_of(pixels[0].shape[1:3])
    messages = []
    for camera, views in zip((rig.left, rig.right), pixels, strict=True):
        info = camera_info_message(Header(), camera)
        info.p[3] = camera.tx
        messages.append((info, [ImageBuffer('rgb8').fill(Header(), view) for view in views]))
    return messages
