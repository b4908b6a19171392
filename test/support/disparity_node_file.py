"""A parameter file of disparity_node of stereo_image_proc, and stereo_node started with it."""
from functools import partial

import yaml

from panmatch_ros.nodes.stereo_node import StereoNode

# What disparity_node declares, with its defaults: Humble, and what came later.
DISPARITY_NODE = {
    'stereo_algorithm': 0, 'prefilter_size': 9, 'prefilter_cap': 31,
    'correlation_window_size': 15, 'min_disparity': 0, 'disparity_range': 64,
    'texture_threshold': 10, 'speckle_size': 100, 'speckle_range': 4, 'disp12_max_diff': 0,
    'uniqueness_ratio': 15.0, 'P1': 200.0, 'P2': 400.0, 'queue_size': 5,
    'approximate_sync': False, 'use_system_default_qos': False,
    'sgbm_mode': 0, 'image_transport': 'raw', 'approximate_sync_tolerance_seconds': 0.0,
    'use_image_transport_camera_info': True,
}


def start_with_file(graph, tmp_path, values, key='disparity_node'):
    """Start stereo_node as a launch file does that only changed package and executable."""
    file = tmp_path / 'stereo.yaml'
    file.write_text(yaml.safe_dump({key: {'ros__parameters': values}}), encoding='utf-8')
    return graph.add(partial(StereoNode, cli_args=[
        '--ros-args', '-r', '__node:=disparity_node', '--params-file', str(file)]))
