"""
Start the match node: two images in; sparse matches, relative pose and a picture out.

    ros2 launch panmatch_ros match.launch.py image0:=front/image_rect image1:=rear/image_rect
    ros2 launch panmatch_ros match.launch.py reference:=keyframe image:=camera/image_rect
"""
from panmatch_ros.launching import describe, matcher_node

TOPICS = ('image0', 'image1', 'camera_info0', 'camera_info1', 'image', 'camera_info')
ARGUMENTS = {
    'image0': ('image0', 'topic of image 0, for two topics'),
    'image1': ('image1', 'topic of image 1, for two topics'),
    'camera_info0': ('camera_info0', 'topic of the camera_info of image 0, for the pose'),
    'camera_info1': ('camera_info1', 'topic of the camera_info of image 1, for the pose'),
    'image': ('image', 'topic of the images that are matched to a reference'),
    'camera_info': ('camera_info', 'topic of their camera_info, for the pose'),
    'reference': ('', 'image0 (two topics), keyframe or file; empty: as params_file says'),
    'reference_image': ('', 'image file that images are matched to; empty: as params_file says'),
}


def generate_launch_description():
    return describe('match', ARGUMENTS, start)


def start(value):
    topics = [(name, value[name]) for name in TOPICS]
    return matcher_node('match', value, topics, texts=('reference', 'reference_image'))
