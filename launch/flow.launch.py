"""
Start the flow node: the images of one camera in; optical flow and its confidence out.

    ros2 launch panmatch_ros flow.launch.py image:=camera/image_raw camera_info:=camera/camera_info
"""
from panmatch_ros.launching import describe, matcher_node

ARGUMENTS = {
    'image': ('image', 'topic of the images'),
    'camera_info': ('camera_info', 'topic of their camera_info, which is optional'),
}


def generate_launch_description():
    return describe('flow', ARGUMENTS, start)


def start(value):
    topics = [(name, value[name]) for name in ('image', 'camera_info')]
    return matcher_node('flow', value, topics)
