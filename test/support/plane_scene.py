"""A textured plane before a rectified pair of cameras, as messages for the stereo node."""
from ros_harness import camera_infos, image_message, publish_pair
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from stereo_msgs.msg import DisparityImage

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.data.synthetic.planes import render_plane_pair

SIZE = (120, 160)
RIG = StereoRig.ideal(SIZE, focal_px=200.0, baseline_m=0.3)  # 2 m is 30 px
DEPTH_M = 2.0
LEFT, RIGHT = render_plane_pair(RIG, DEPTH_M)
INNER = (slice(10, -10), slice(45, -10))  # away from the border


def messages(stamp_s, encoding='rgb8', convention='right'):
    """Make left image, right image and both camera_info."""
    left, right = (image_message(pixels, encoding, stamp_s) for pixels in (LEFT, RIGHT))
    return left, right, camera_infos(RIG, stamp_s, convention)


def send(graph, stamp_s, **kwargs):
    """Publish them."""
    publish_pair(graph, *messages(stamp_s, **kwargs))


def listen_all(graph):
    """Record every output but the statistics."""
    graph.listen('disparity', DisparityImage)
    graph.listen('depth', Image)
    graph.listen('depth/camera_info', CameraInfo)
    graph.listen('points2', PointCloud2)
    graph.listen('confidence', Image)
