"""Bags that tests write: a camera or a stereo pair over time, with ground truth."""
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.quaternion import quaternion_from_rotation
from panmatch_ros.data.bags.types import decode, make, typestore
from panmatch_ros.data.bags.writer import (
    camera_info_message,
    disparity_message,
    header,
    image_message,
)

SIZE = (96, 128)
RIG = StereoRig.ideal(SIZE, focal_px=100.0, baseline_m=0.2)
LEFT, RIGHT = '/left/image_rect', '/right/image_rect'
LEFT_INFO, RIGHT_INFO = '/left/camera_info', '/right/camera_info'
FRAME = 'left_camera_optical_frame'
START_NS, PERIOD_NS = 1_700_000_000_000_000_000, 100_000_000
DISPARITY = 8.0


def stamp_of(index):
    return START_NS + index * PERIOD_NS


def texture(seed=0, size=SIZE):
    """Grey noise that a matcher likes; wider than an image by 64 px."""
    import cv2
    noise = np.random.default_rng(seed).uniform(0, 255, (size[0], size[1] + 64))
    smooth = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 1.2)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.rint(255 * smooth).astype(np.uint8)


def pair(disparity=DISPARITY, shift=0, seed=0, size=SIZE):
    """Left and right image of a wall; ``shift`` moves what both see to the left."""
    wall, d = texture(seed, size), int(disparity)
    left = wall[:, shift:shift + size[1]]
    right = wall[:, shift + d:shift + d + size[1]]
    return np.ascontiguousarray(left), np.ascontiguousarray(right)


def pair_messages(index, images=None, right_delay_ns=0, rig=RIG, stamp=None):
    """The four messages of a pair: (topic, message)."""
    left, right = images if images is not None else pair(shift=index % 8)
    stamp = stamp_of(index) if stamp is None else stamp
    tops = header(stamp, FRAME), header(stamp + right_delay_ns, 'right_camera_optical_frame')
    return [(LEFT_INFO, camera_info_message(tops[0], rig.left)),
            (RIGHT_INFO, camera_info_message(tops[1], rig.right)),
            (LEFT, image_message(tops[0], left)), (RIGHT, image_message(tops[1], right))]


def disparity_truth(index, value=DISPARITY, topic='/gt/disparity', rig=RIG):
    truth = np.full((rig.left.height, rig.left.width), value - rig.cx_offset_px, np.float32)
    return topic, disparity_message(header(stamp_of(index), FRAME), truth, rig, (0.0, 64.0), 0.1)


def depth_truth(index, value, topic='/gt/depth', dtype=np.float32, stamp=None):
    depth = np.full(SIZE, value, dtype)
    top = header(stamp_of(index) if stamp is None else stamp, FRAME)
    return topic, image_message(top, depth, '16UC1' if dtype == np.uint16 else '32FC1')


def cloud(points, stamp, frame_id='lidar', topic='/lidar/points'):
    """A PointCloud2 of (N, 3) points with an intensity in between."""
    rows = np.zeros((len(points), 5), np.float32)
    rows[:, :2], rows[:, 3] = points[:, :2], points[:, 2]
    fields = [make('sensor_msgs/msg/PointField', name=name, offset=offset, datatype=7, count=1)
              for name, offset in (('x', 0), ('y', 4), ('intensity', 8), ('z', 12))]
    return topic, make('sensor_msgs/msg/PointCloud2', header=header(stamp, frame_id), height=1,
                       width=len(points), fields=fields, is_bigendian=False, point_step=20,
                       row_step=20 * len(points), data=rows.reshape(-1).view(np.uint8),
                       is_dense=True)


def tf(transforms, topic='/tf_static'):
    """TFMessage of (parent, child, (4, 4) transform, stamp)."""
    made = []
    for parent, child, T, stamp in transforms:
        x, y, z, w = quaternion_from_rotation(T[:3, :3]).tolist()
        made.append(make(
            'geometry_msgs/msg/TransformStamped', header=header(stamp, parent),
            child_frame_id=child, transform=make(
                'geometry_msgs/msg/Transform',
                translation=make('geometry_msgs/msg/Vector3', **dict(
                    zip('xyz', T[:3, 3].tolist(), strict=True))),
                rotation=make('geometry_msgs/msg/Quaternion', x=x, y=y, z=z, w=w))))
    return topic, make('tf2_msgs/msg/TFMessage', transforms=made)


@contextmanager
def open_writer(path: Path, storage='mcap', compression=None):
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        connections = {}

        def write(topic, message, log_ns):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=typestore())
            writer.write(connections[topic], log_ns, typestore().serialize_cdr(message, kind))

        write.raw = writer
        yield write


def write_bag(path: Path, messages, storage='mcap', compression=None):
    """Write (topic, message) or (topic, message, log time); logged in this order, 1 ms apart."""
    with open_writer(path, storage, compression) as write:
        for index, (topic, message, *log_ns) in enumerate(messages):
            write(topic, message, log_ns[0] if log_ns else START_NS + index * 1_000_000)
    return path


def stereo_bag(path: Path, frames=4, more=(), **options):
    """A stereo bag of some frames; ``more`` are functions of the index that give a message."""
    messages = []
    for index in range(frames):
        messages += pair_messages(index)
        messages += [function(index) for function in more]
    return write_bag(path, messages, **options)


def images(bag, topic=LEFT):
    """Pixels and log times of an image topic."""
    found = []
    for record in bag.messages([topic]):
        message = decode(record.data, record.message_type, record.topic)
        found.append((record.log_ns, np.array(message.data).reshape(SIZE)))
    return found


def the_file(path, suffix):
    return next(path.glob(f'*{suffix}'))


def cut(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * keep)])
