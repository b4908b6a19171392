"""
Start the node of depth from motion: images of one camera and its poses in; metric depth out.

    ros2 launch panmatch_ros motion_depth.launch.py namespace:=front image:=image_rect
    ros2 launch panmatch_ros motion_depth.launch.py pose_source:=odometry odometry:=/vio/odometry
"""
from panmatch_ros.launching import describe, matcher_node

ARGUMENTS = {
    'image': ('image', 'topic of the images, which are rectified'),
    'camera_info': ('camera_info', 'topic of their camera_info'),
    'odometry': ('odometry', 'topic of the poses, with pose_source:=odometry'),
    'pose_source': ('', 'tf or odometry; empty: as params_file says'),
    'odom_frame': ('', 'frame of TF that does not move; empty: as params_file says'),
    'camera_frame': ('', 'optical frame of the camera; empty: as params_file says'),
}


def generate_launch_description():
    return describe('motion_depth', ARGUMENTS, start)


def start(value):
    topics = [(name, value[name]) for name in ('image', 'camera_info', 'odometry')]
    return matcher_node('motion_depth', value, topics,
                        texts=('pose_source', 'odom_frame', 'camera_frame'))
