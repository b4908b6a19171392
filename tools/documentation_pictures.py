#!/usr/bin/env python3
"""
Make the pictures of docs/nodes/*.md from what the nodes publish.

    python tools/documentation_pictures.py                  all, into docs/images
    python tools/documentation_pictures.py flow_node        one of them

The real nodes run in this process, with a player and the recorder. Images are those of Debian's
package opencv-doc (fetched once, 95 MB) where it has any, and rendered scenes elsewhere: nothing
there is of a stereo camera in motion, or of a camera whose poses are known.
"""
import argparse
from collections.abc import Callable, Iterator, Sequence
import os
from pathlib import Path
import tempfile
from typing import Any

# Nothing else on the network, and no other run on this machine, may join in.
os.environ['ROS_DOMAIN_ID'] = str(os.getpid() % 100 + 1)
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

import cv2
from nav_msgs.msg import Odometry
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from panmatch_ros.cli.demo_rig import render_rig_sequence
from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.errors import PanMatchError
from panmatch_ros.data.calibration import write_middlebury_calib
from panmatch_ros.data.samples import fetch_samples, sample_rig_aloe
from panmatch_ros.data.synthetic.planes import render_stereo_scene
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.image_player import ImagePlayer
from panmatch_ros.nodes.match_node import MatchNode
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode
from panmatch_ros.nodes.outputs import ImageBuffer, camera_info_message
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.recorder import Recorder
from panmatch_ros.nodes.stereo_node import StereoNode
from panmatch_ros.viz.panels import tile_panels
from panmatch_ros.viz.point_cloud import render_point_cloud
from panmatch_ros.viz.scalar import confidence_to_color, depth_to_color, disparity_to_color
from panmatch_ros.viz.scene_flow import scene_flow_to_color

IMAGES = Path(__file__).resolve().parent.parent / 'docs' / 'images'
WIDTH = 960
MAX_BYTES = 120_000
TIMEOUT_S = 120.0
DRIVE_SIZE, DRIVE_FOCAL_PX = (360, 480), 400.0
DRIVE_STEP_M = (0.05, 0.0, 0.03)  # from image to image: x right, y down, z forward
DRIVE_IMAGES, DRIVE_HZ = 6, 4.0
Panels = Sequence[tuple[str, np.ndarray]]


class DrivePlayer(Node):
    """A camera that drives through a rendered room, there and back, and its odometry."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('drive_player', **kwargs)
        rig = StereoRig.ideal(DRIVE_SIZE, DRIVE_FOCAL_PX, 0.12)
        places = [tuple(index * np.array(DRIVE_STEP_M)) for index in range(DRIVE_IMAGES)]
        self._views = [(place, render_stereo_scene(rig, 9, place).left) for place in places]
        self._camera, self._image, self._count = rig.left, ImageBuffer('rgb8'), 0
        self._images = self.create_publisher(Image, 'image', 2)
        self._infos = self.create_publisher(CameraInfo, 'camera_info', 2)
        self._poses = self.create_publisher(Odometry, 'odometry', 10)
        self.create_timer(1 / DRIVE_HZ, self._publish)

    def _publish(self) -> None:
        last = DRIVE_IMAGES - 1
        place, image = self._views[last - abs(last - self._count % (2 * last))]
        self._count += 1
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id='odom')
        odometry = Odometry(header=header, child_frame_id='camera_optical_frame')
        position = odometry.pose.pose.position
        position.x, position.y, position.z = map(float, place)
        self._poses.publish(odometry)
        header = Header(stamp=header.stamp, frame_id='camera_optical_frame')
        self._infos.publish(camera_info_message(header, self._camera))
        self._images.publish(self._image.fill(header, image))


def stereo_node(folder: Path) -> Panels:
    """Run the node on the stereo pair Aloe."""
    arrays = record(folder, 'stereo', (StereoNode, {}), (ImagePlayer, aloe(folder)))
    return (('left/image_rect', arrays['left/image_rect']),
            ('disparity', disparity_to_color(arrays['disparity'])),
            ('points2, seen from the side', render_point_cloud(
                arrays['points2'], arrays['points2.rgb'], arrays['depth'].shape)))


def flow_node(folder: Path) -> Panels:
    """Run the node on the two images RubberWhale."""
    arrays = record(folder, 'flow', (FlowNode, {}), (ImagePlayer, {
        'images': str(fetch_samples() / 'rubberwhale[12].png'), 'rate_hz': 2.0}))
    return (('image', arrays['image']), ('flow/image_color', arrays['flow/image_color']),
            ('flow/confidence', confidence_to_color(arrays['flow/confidence'])))


def match_node(folder: Path) -> Panels:
    """Run the node on left and right image of Aloe."""
    remap = [part for side, index in (('left', 0), ('right', 1))
             for topic in (f'image{index}:={side}/image_rect',
                           f'camera_info{index}:={side}/camera_info')
             for part in ('-r', topic)]
    arrays = record(folder, 'match', (MatchNode, {'max_drawn': 60}),
                    (ImagePlayer, aloe(folder)), ['--ros-args', *remap])
    return (('matches/image_color', arrays['matches/image_color']),)


def motion_depth_node(folder: Path) -> Panels:
    """Run the node on a rendered drive."""
    arrays = record(folder, 'motion_depth', (MotionDepthNode, {'pose_source': 'odometry'}),
                    (DrivePlayer, {}))
    return (('image', arrays['image']), ('depth', depth_to_color(arrays['depth'])),
            ('points2, seen from the side', render_point_cloud(
                arrays['points2'], arrays['points2.rgb'], arrays['depth'].shape)))


def perception_node(folder: Path) -> Panels:
    """Run the node on the rendered sequence of the demo."""
    sequence = render_rig_sequence(folder / 'rig')
    arrays = record(folder, 'perception', (PerceptionNode, {}), (ImagePlayer, {
        'left': str(sequence.left), 'right': str(sequence.right), 'rate_hz': 2.0,
        'calibration': str(sequence.calibration)}))
    left = arrays['left/image_rect']
    return (('left/image_rect', left), ('depth', depth_to_color(arrays['depth'])),
            ('scene_flow: direction seen from above', scene_flow_to_color(
                left, arrays['scene_flow.velocity'])))


PICTURES: dict[str, Callable[[Path], Panels]] = {
    make.__name__: make for make in (stereo_node, flow_node, match_node, motion_depth_node,
                                     perception_node)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('names', nargs='*', choices=[[], *PICTURES], metavar='NODE',
                        help=f'which; all of {", ".join(PICTURES)} if none is named')
    parser.add_argument('--out', type=Path, default=IMAGES, help='folder to write to')
    args = parser.parse_args()
    for name in args.names or PICTURES:
        try:
            path = make_picture(name, args.out)
        except PanMatchError as error:
            raise SystemExit(f'{name}: {error}') from None
        print(f'{path}: {path.stat().st_size / 1000:.0f} kB')
    return 0


def make_picture(name: str, out: Path) -> Path:
    """
    Run a node and write its picture.

    :param name: of the node.
    :param out: folder to write to.
    :returns: path of the picture.
    """
    with tempfile.TemporaryDirectory() as folder:
        panels = PICTURES[name](Path(folder))
    picture = tile_panels(panels, columns=len(panels), width=WIDTH)
    path = out / f'{name}.jpg'
    path.write_bytes(small_jpeg(picture))
    return path


def small_jpeg(picture: np.ndarray) -> bytes:
    """Encode a picture as well as ``MAX_BYTES`` allow."""
    for quality in range(92, 20, -4):
        _, data = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= MAX_BYTES:
            return data.tobytes()
    raise PanMatchError(f'the picture needs more than {MAX_BYTES} bytes at any quality')


def aloe(folder: Path) -> dict[str, Any]:
    """Give the parameters of a player of the pair Aloe at half size."""
    samples, calibration = fetch_samples(), folder / 'calib.txt'
    write_middlebury_calib(calibration, sample_rig_aloe())
    return {'left': str(samples / 'aloeL.jpg'), 'right': str(samples / 'aloeR.jpg'),
            'calibration': str(calibration), 'scale': 0.5, 'rate_hz': 1.0}


def record(folder: Path, task: str, node: tuple[type, dict[str, Any]],
           player: tuple[type, dict[str, Any]],
           arguments: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """
    Run a node and a player until the recorder has two frames of everything.

    :param folder: to record to.
    :param task: of the recorder.
    :param node: class and parameters.
    :param player: class and parameters.
    :param arguments: of the node, as on the command line.
    :returns: what ``outputs.npz`` holds.
    :raises PanMatchError: if something did not come.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    nodes = list(started(context, [
        (*node, arguments), (*player, ()),
        (Recorder, {'task': task, 'out': str(folder), 'frames': 2,
                    'timeout_seconds': TIMEOUT_S}, ())]))
    for each in nodes:
        executor.add_node(each)
    try:
        executor.spin()
    except SystemExit as end:  # of the recorder
        if end.code != 0:
            raise PanMatchError(f'not all outputs of {task} came within {TIMEOUT_S:g} s') from None
    finally:
        nodes[0].stop()
        for each in nodes:
            each.destroy_node()
        executor.shutdown()
        rclpy.shutdown(context=context)
    with np.load(folder / 'outputs.npz', allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def started(context: rclpy.Context,
            nodes: Sequence[tuple[type, dict[str, Any], Sequence[str]]]) -> Iterator[Any]:
    """Start nodes with their parameters and arguments."""
    for node_class, parameters, arguments in nodes:
        yield node_class(context=context, cli_args=list(arguments), parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()])


if __name__ == '__main__':
    raise SystemExit(main())
