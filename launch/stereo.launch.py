"""
Start the stereo node: a stereo pair in; disparity, depth, point cloud and confidence out.

    ros2 launch panmatch_ros stereo.launch.py namespace:=front rviz:=true
    ros2 launch panmatch_ros stereo.launch.py left_namespace:=cam/infra1 left_image:=image_rect_raw
        right_namespace:=cam/infra2 right_image:=image_rect_raw
"""
from ament_index_python.packages import get_packages_with_prefixes
from launch import logging
from launch_ros.actions import Node

from panmatch_ros.launching import (
    STEREO,
    common,
    describe,
    given,
    is_true,
    matcher_node,
    stereo_topics,
)

ARGUMENTS = {
    **STEREO,
    'launch_image_proc': ('false', 'true: rectify image_raw of both cameras with image_proc'),
}


def generate_launch_description():
    return describe('stereo', ARGUMENTS, start)


def start(value):
    started = matcher_node('stereo', value, stereo_topics(value), switches=('rectify',))
    return [*rectify_nodes(value), *started] if is_true(value['launch_image_proc']) else started


def rectify_nodes(value):
    if 'image_proc' not in get_packages_with_prefixes():
        logging.get_logger('stereo').error('image_proc is not installed; take rectify:=true')
        return []
    return [Node(package='image_proc', executable='rectify_node', name='rectify', namespace=camera,
                 parameters=given(value, bool, 'use_sim_time'),
                 remappings=[('image', 'image_raw')], **common(value))
            for camera in (value['left_namespace'], value['right_namespace'])]
