"""A textured plane that leans, seen by a stereo camera whose raw images are not rectified."""
from functools import cache

from calibrations import (
    PLUMB_BOB,
    RATIONAL,
    camera_info,
    perfect_info,
    rectified_of,
    rotation,
    source_of,
)
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from ros_harness import image_message, stamped
from sensor_msgs.msg import CameraInfo, Image

from panmatch_ros.core.pixels import pixel_grid
from panmatch_ros.data.synthetic.textures import Texture
from panmatch_ros.nodes.stereo_node import StereoNode

SIZE = (240, 320)
FOCAL_PX, CENTRE, BASELINE_M = 230.0, (161.0, 119.0), 0.1
P_LEFT = (FOCAL_PX, 0.0, CENTRE[0], 0.0, 0.0, FOCAL_PX, CENTRE[1], 0.0, 0.0, 0.0, 1.0, 0.0)
P_RIGHT = (*P_LEFT[:3], -FOCAL_PX * BASELINE_M, *P_LEFT[4:])
PLANE = np.array([0.15, -0.1, 0.9])  # PLANE @ (X, Y, Z) is 1, in metres, seen from the left
FIELDS = ({'k': (265.0, 0, 160, 0, 262, 121, 0, 0, 1), 'd': PLUMB_BOB, 'r': rotation(),
           'p': P_LEFT},
          {'k': (260.0, 0, 158, 0, 259, 118, 0, 0, 1), 'd': RATIONAL,
           'distortion_model': 'rational_polynomial', 'r': rotation(-0.012, 0.01, -0.015),
           'p': P_RIGHT})
INFOS = tuple(camera_info(width=SIZE[1], height=SIZE[0], **each) for each in FIELDS)
K_RECTIFIED = (FOCAL_PX, 0.0, CENTRE[0], 0.0, FOCAL_PX, CENTRE[1], 0.0, 0.0, 1.0)
PERFECT = tuple(perfect_info(width=SIZE[1], height=SIZE[0], p=P, k=K_RECTIFIED)
                for P in (P_LEFT, P_RIGHT))  # of images that come rectified


def true_disparity():
    """(H, W) pixels, on the grid of the rectified left image."""
    x, y = pixel_grid(*SIZE)
    rays = ((x - CENTRE[0]) / FOCAL_PX, (y - CENTRE[1]) / FOCAL_PX)
    return FOCAL_PX * BASELINE_M * (PLANE[0] * rays[0] + PLANE[1] * rays[1] + PLANE[2])


def color_at(points, side):
    """Colour of the plane at points (..., 2) of a rectified image."""
    rays = (np.asarray(points, np.float64) - CENTRE) / FOCAL_PX
    origin = side * BASELINE_M
    depth = (1 - PLANE[0] * origin) / (rays @ PLANE[:2] + PLANE[2])
    colors = Texture(3, 0.02).colors((depth * rays[..., 0] + origin).ravel(),
                                     (depth * rays[..., 1]).ravel())
    return np.rint(colors).astype(np.uint8).reshape(*rays.shape[:-1], 3)


def _grid():
    return np.stack(np.broadcast_arrays(*pixel_grid(*SIZE)), axis=-1).astype(np.float64)


@cache
def rectified_images():
    """Left and right image, as rectified cameras see the plane."""
    return tuple(color_at(_grid(), side) for side in (0, 1))


@cache
def raw_images():
    """Left and right image, as the cameras of INFOS see it; each pixel asks the texture."""
    return tuple(color_at(rectified_of(_grid().reshape(-1, 2), INFOS[side]), side).reshape(
        *SIZE, 3) for side in (0, 1))


def true_row_error():
    """Median of ``|y_right - y_left|`` of the raw pair, and of its sign, pixels."""
    points = _grid()[20:-20:8, 40:-20:8].reshape(-1, 2)
    disparity = true_disparity()[20:-20:8, 40:-20:8].ravel()
    there = points - np.stack([disparity, 0 * disparity], axis=-1)
    v = (source_of(there, INFOS[1]) - source_of(points, INFOS[0]))[:, 1]
    return float(np.median(np.abs(v))), float(np.median(v))


def info_messages(stamp_s, infos=INFOS):
    """CameraInfo messages of the calibration."""
    names = ('width', 'height', 'distortion_model')
    messages = []
    for info in infos:
        message = CameraInfo(**{name: getattr(info, name) for name in names})
        for name in 'dkrp':
            setattr(message, name, [float(value) for value in getattr(info, name)])
        messages.append(stamped(message, stamp_s))
    return messages


def publish(graph, stamp_s, images=None, infos=None, topic='image_raw', encoding='rgb8'):
    """Publish a pair, by default the raw one, with its calibration."""
    images = raw_images() if images is None else images
    infos = info_messages(stamp_s) if infos is None else infos
    for side, info, pixels in zip(('left', 'right'), infos, images, strict=True):
        graph.publish(f'{side}/camera_info', info)
        graph.publish(f'{side}/{topic}', image_message(pixels, encoding, stamp_s))


def start_node(graph, **parameters):
    """Start the stereo node with the classical matcher; record depth and diagnostics."""
    node = graph.add(StereoNode, **{'matcher': 'classical', **parameters})
    graph.listen('depth', Image)
    graph.listen('/diagnostics', DiagnosticArray)
    return node
