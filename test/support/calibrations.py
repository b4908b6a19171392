"""CameraInfo of cameras with distortion, and the exact way of their rays."""
from types import SimpleNamespace

import cv2
import numpy as np

SIZE = (480, 640)
K = (530.0, 0, 318, 0, 525, 242, 0, 0, 1)
P = (500.0, 0, 322, -60, 0, 500, 238, 0, 0, 0, 1, 0)
PLUMB_BOB = (-0.28, 0.09, 0.0012, -0.0008, -0.01)
RATIONAL = (0.7, 0.12, 0.0005, -0.0004, 0.004, 1.05, 0.32, 0.02)
EQUIDISTANT = (-0.012, 0.006, -0.004, 0.001)
THIN_PRISM = (*RATIONAL, 0.001, -0.0005, 0.0008, 0.0002)
TILTED = (*THIN_PRISM, 0.01, -0.015)


def rotation(x=0.01, y=-0.015, z=0.02):
    """Nine numbers of R, turned by small angles in radians."""
    return tuple(cv2.Rodrigues(np.array([x, y, z], np.float64))[0].ravel().tolist())


def region(x_offset=0, y_offset=0, width=0, height=0):
    return SimpleNamespace(x_offset=x_offset, y_offset=y_offset, width=width, height=height)


def camera_info(**changes):
    """Make the CameraInfo of a 640x480 camera with distortion, turned a little."""
    fields = {'width': SIZE[1], 'height': SIZE[0], 'distortion_model': 'plumb_bob',
              'd': PLUMB_BOB, 'k': K, 'r': rotation(), 'p': P, 'binning_x': 0, 'binning_y': 0,
              'roi': region()}
    return SimpleNamespace(**{**fields, **changes})


def perfect_info(**changes):
    """Make the CameraInfo of a camera whose images are rectified already."""
    P3 = np.reshape(P, (3, 4))[:, :3]
    return camera_info(**{'d': (), 'k': tuple(P3.ravel().tolist()), 'r': rotation(0, 0, 0),
                          **changes})


def source_of(points, info):
    """
    Place in the raw image of points of the rectified one, by cv2.projectPoints.

    :param points: (N, 2), full-size pixels.
    """
    K, R, P = (np.reshape(values, shape) for values, shape in
               ((info.k, (3, 3)), (info.r, (3, 3)), (info.p, (3, 4))))
    homogeneous = np.column_stack([points, np.ones(len(points))])
    rays = homogeneous @ np.linalg.inv(P[:, :3]).T @ R  # the transpose of R, twice
    zero = np.zeros(3)
    if info.distortion_model == 'equidistant':
        placed = cv2.fisheye.projectPoints(rays[:, None], zero, zero, K, np.array(info.d))[0]
    else:
        placed = cv2.projectPoints(rays, zero, zero, K, np.array(info.d))[0]
    return placed.reshape(-1, 2)


def rectified_of(points, info):
    """Place in the rectified image of points of the raw one, by cv2.undistortPoints."""
    K, R, P = (np.reshape(values, shape) for values, shape in
               ((info.k, (3, 3)), (info.r, (3, 3)), (info.p, (3, 4))))
    points, D = np.asarray(points, np.float64)[:, None], np.array(info.d)
    if info.distortion_model == 'equidistant':
        return cv2.fisheye.undistortPoints(points, K, D, R=R, P=P).reshape(-1, 2)
    enough = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-10)
    return cv2.undistortPointsIter(points, K, D, R, P, enough).reshape(-1, 2)


def ramps(size):
    """Two float32 images, whose values are x and y: linear interpolation keeps them exact."""
    y, x = np.mgrid[:size[0], :size[1]].astype(np.float32)
    return x, y
