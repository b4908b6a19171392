"""Depth, disparity, flow and points from messages: right values, unknown is NaN."""
from types import SimpleNamespace

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.data.ros_arrays import depth_of, disparity_of, flow_of, points_of

NAN, INF = np.nan, np.inf


def image(values, encoding, **changes):
    values = np.ascontiguousarray(values)
    fields = {'height': values.shape[0], 'width': values.shape[1], 'encoding': encoding,
              'is_bigendian': 0, 'step': values.nbytes // values.shape[0],
              'data': values.tobytes()}
    return SimpleNamespace(**{**fields, **changes})


def test_depth_in_metres_and_millimetres():
    metres = image(np.array([[1.5, 0, -1], [NAN, INF, 2]], np.float32), '32FC1')
    np.testing.assert_array_equal(depth_of(metres, '/d'), [[1.5, NAN, NAN], [NAN, NAN, 2]])
    millimetres = image(np.array([[1500, 0]], np.uint16), '16UC1')
    np.testing.assert_allclose(depth_of(millimetres, '/d'), [[1.5, NAN]])
    wide = image(np.array([[2.5]], np.float64), '64FC1')
    assert depth_of(wide, '/d').dtype == np.float32


def test_disparity_adds_the_offset_and_knows_what_is_invalid():
    values = np.array([[3, 0, -2], [NAN, INF, 5]], np.float32)
    message = SimpleNamespace(image=image(values, '32FC1'), min_disparity=-1.0)
    # A parallax of 0 is far away; -2 is less than was searched.
    np.testing.assert_array_equal(disparity_of(message, '/d', -4.0),
                                  [[-1, -4, NAN], [NAN, NAN, 1]])
    np.testing.assert_array_equal(disparity_of(image(values, '32FC1'), '/d', -4.0),
                                  [[3, NAN, NAN], [NAN, NAN, 5]])


def test_flow_of_both_messages():
    values = np.array([[[1, 2], [NAN, 1]]], np.float32)
    expected = [[[1, 2], [NAN, NAN]]]
    np.testing.assert_array_equal(flow_of(image(values, '32FC2'), '/f'), expected)
    message = SimpleNamespace(flow=image(values, '32FC2'), source_stamp=None)
    np.testing.assert_array_equal(flow_of(message, '/f'), expected)


def test_rows_may_be_padded():
    padded = np.array([[1, 2, 99], [3, 4, 99]], np.float32)
    np.testing.assert_array_equal(depth_of(image(padded, '32FC1', width=2), '/d'),
                                  [[1, 2], [3, 4]])


@pytest.mark.parametrize(('message', 'text'), [
    (image(np.zeros((2, 2), np.uint8), 'mono8'),
     "/d: expected an image 32FC1 or 64FC1 or 16UC1 or mono16, got 'mono8'"),
    (image(np.zeros((2, 2), np.float32), '32FC1', data=bytes(15)), '2 rows of 8 bytes'),
    (image(np.zeros((2, 2), np.float32), '32FC1', step=4), '2 rows of 4 bytes'),
    (image(np.zeros((2, 2), np.float32), '32FC1', is_bigendian=1), 'little-endian'),
])
def test_images_that_cannot_be_used(message, text):
    with pytest.raises(FormatError, match=text):
        depth_of(message, '/d')


def cloud(points, **changes):
    fields = [SimpleNamespace(name=name, offset=offset, datatype=datatype)
              for name, offset, datatype in (('z', 0, 7), ('x', 4, 7), ('y', 8, 7))]
    data = np.ascontiguousarray(np.asarray(points, np.float32)[:, [2, 0, 1]])
    given = {'fields': fields, 'is_bigendian': False, 'height': 1, 'width': len(data),
             'point_step': 12, 'row_step': 12 * len(data), 'data': data.tobytes()}
    return SimpleNamespace(**{**given, **changes})


def test_points_in_any_order_of_fields_without_those_that_are_not_finite():
    found = points_of(cloud([[1, 2, 3], [NAN, 0, 1], [4, 5, 6]]), '/p')
    np.testing.assert_array_equal(found, [[1, 2, 3], [4, 5, 6]])
    assert found.dtype == np.float64


def test_points_in_double_precision_and_rows():
    fields = [SimpleNamespace(name=name, offset=8 * index, datatype=8)
              for index, name in enumerate('xyz')]
    data = np.zeros((2, 25), np.uint8)  # one point of 24 bytes in a row of 25
    data[:, :24] = np.array([[1, 2, 3], [4, 5, 6]], np.float64).view(np.uint8)
    message = cloud([[0, 0, 0]], fields=fields, height=2, width=1, point_step=24, row_step=25,
                    data=data.tobytes())
    np.testing.assert_array_equal(points_of(message, '/p'), [[1, 2, 3], [4, 5, 6]])


def test_no_points():
    assert points_of(cloud(np.zeros((0, 3))), '/p').shape == (0, 3)


@pytest.mark.parametrize(('changes', 'text'), [
    ({'fields': []}, 'found the fields none'),
    ({'is_bigendian': True}, 'little-endian'),
    ({'data': bytes(5)}, '/p: the data have 5 bytes, too few for 1 rows of 1 points of 12'),
    ({'point_step': 8}, 'too few'),
])
def test_clouds_that_cannot_be_used(changes, text):
    with pytest.raises(FormatError, match=text):
        points_of(cloud([[1, 2, 3]], **changes), '/p')
