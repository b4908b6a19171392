"""
Start the perception node: a stereo pair in; depth, points, flow, scene flow and more out.

    ros2 launch panmatch_ros perception.launch.py namespace:=front rviz:=true
    ros2 launch panmatch_ros perception.launch.py ego_motion:=odometry odometry:=/vio/odometry
"""
from panmatch_ros.launching import STEREO, describe, matcher_node, stereo_topics

ARGUMENTS = {
    **STEREO,
    'odometry': ('odometry', 'topic of the poses, with ego_motion:=odometry'),
    'ego_motion': ('', 'none, estimate, odometry or tf; empty: as params_file says'),
    'odom_frame': ('', 'frame of TF that does not move; empty: as params_file says'),
    'camera_frame': ('', 'optical frame of the left camera; empty: as params_file says'),
}


def generate_launch_description():
    return describe('perception', ARGUMENTS, start)


def start(value):
    topics = [*stereo_topics(value), ('odometry', value['odometry'])]
    return matcher_node('perception', value, topics, switches=('rectify',),
                        texts=('ego_motion', 'odom_frame', 'camera_frame'))
