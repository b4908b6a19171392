"""The parameters of all nodes, as one table; names follow stereo_image_proc and Isaac ROS."""
from types import SimpleNamespace

from ..core.errors import ConfigError
from ..inference.classical_config import FLOW_PRESETS, ClassicalConfig
from ..inference.factory import MATCHER_NAMES, MatcherOptions
from ..inference.nano_config import NanoOptions
from ..inference.panmatch_config import TILES, PanMatchOptions
from ..inference.runtime_options import (
    BACKENDS,
    DEVICES,
    ENGINE_BACKENDS,
    FITS,
    LONGEST_SIDE,
    MOST_THREADS,
    PRECISIONS,
)
from .filter_parameters import FILTERS, INVALID_VALUE, depth_filter
from .foreign_values import LARGEST_WINDOW_PX, end_of_search, for_classical
from .settings import Spec

INPUTS = (
    Spec('image_transport', 'raw', 'raw, or compressed to subscribe to <image topic>/compressed',
         choices=('raw', 'compressed'), live=False),
    Spec('input_timeout_seconds', 2.0,
         'warn when an input topic is silent for so long while the node has work to do (s)',
         0.1, 3600.0),
    Spec('use_system_default_qos', False,
         'subscribe with the default QoS (reliable) instead of sensor data QoS', live=False),
)

MATCHER = (
    Spec('matcher', 'auto', 'which matcher computes: auto is the PanMatch network if weights are '
         'given, else the better of nano and classical for the task; panmatch is whatever network '
         'the weights are of', choices=MATCHER_NAMES),
    Spec('weights', '', 'checkpoint file of the PanMatch network, or with the matcher nano a '
         'folder of panmatch export; ~ is the home folder'),
    Spec('detail', False, 'nano: match at 1.5 times the size, which is finer and takes more than '
         'twice the time'),
    Spec('large_motion', False, 'nano: match at half the size first, for very large motion or '
         'disparity'),
    Spec('backend', BACKENDS[0], 'library that computes the network, see docs/deployment.md for '
         'its installation; auto is torch for PanMatch, and for nano onnxruntime, or torch if '
         'there is a CUDA device; tensorrt and onnx_tensorrt build engines', choices=BACKENDS),
    Spec('threads', 0, 'threads that compute in onnxruntime and openvino; 0 is one for each core, '
         'at most 4', 0, MOST_THREADS),
    Spec('device', 'auto', 'what computes the network; auto is a CUDA device if the backend can '
         'use one', choices=DEVICES),
    Spec('precision', 'auto', 'in which the network computes features; auto is fp32, fp16 for '
         'tensorrt and onnx_tensorrt', choices=PRECISIONS),
    Spec('allow_fallback', False, 'if the backend cannot be used, warn once and take what auto '
         'would, instead of rejecting every frame'),
    Spec('engine_cache_dir', '', 'folder of the engines of tensorrt and onnx_tensorrt; ~ is the '
         'home folder, empty is panmatch_ros/engines in the cache folder of the user'),
    Spec('allow_engine_build', True, 'build engines that are missing; this takes minutes, during '
         'which another backend computes and the node publishes as usual'),
    Spec('build_only', False, 'find or build the engines for the first complete input, publish '
         'nothing, and end: exit status 0 if they can be used, else 1', live=False),
    Spec('max_side', 0, 'images with a longer side are matched at a smaller size (px), and the '
         'outputs have that of the input; 0 is no limit', 0, LONGEST_SIDE),
    Spec('fit', 'auto', 'how images get the sizes that the network takes: letterbox repeats the '
         'right and lower edge, stretch resizes; auto is letterbox for nano and stretch for '
         'PanMatch', choices=FITS),
    Spec('tiles', 'auto', 'whether the network gets images in overlapping tiles; auto: those of '
         'more than about 1.1 megapixels', choices=TILES),
)

RUNTIME = ('backend', 'threads', 'device', 'precision', 'allow_fallback', 'engine_cache_dir',
           'allow_engine_build', 'max_side', 'fit')  # of RuntimeOptions
THRESHOLD = 'pixels with a lower confidence become invalid, confidences stay; 0 keeps all'

SYNC = (
    Spec('approximate_sync', False, 'pair images whose stamps differ', live=False),
    Spec('approximate_sync_tolerance_seconds', 0.0,
         'largest difference of stamps that approximate_sync pairs (s); 0.0 means 0.05',
         0.0, 10.0, live=False),
    Spec('queue_size', 5, 'images of each topic that wait for their partner', 1, 1000,
         live=False),
)

DEPTH_OUTPUTS = (
    Spec('use_color', True, 'colour the point cloud from the image'),
    Spec('avoid_point_cloud_padding', True,
         'points of 16 bytes (12 without colour) instead of 32 (16)'),
    Spec('depth_encoding', '32FC1',
         'encoding of the depth image: 32FC1 in metres with NaN for invalid, or 16UC1 in '
         'millimetres with 0 for invalid', choices=('32FC1', '16UC1')),
)

STEREO = (
    Spec('rectify', False, 'rectify left/image_raw and right/image_raw, which the node then '
         'subscribes to instead of image_rect', live=False),
    Spec('rectification_check_interval', 30, 'one pair of so many is looked at, whether the rows '
         'of left and right fit; 0 looks at none', 0, 100000),
    Spec('confidence_threshold', 0.2, THRESHOLD, 0.0, 1.0),
    *FILTERS,
    *SYNC,
    *DEPTH_OUTPUTS,
    INVALID_VALUE,
    Spec('min_disparity', 0.0, 'smallest disparity searched (px)', -2048.0, 2048.0),
    Spec('max_disparity', 0.0,
         'largest disparity searched (px), at most the width of the images; 0 takes '
         'min_disparity + disparity_range, or chooses by the image width if that is 0 too',
         -2048.0, 100000.0),
    Spec('disparity_range', 0, 'disparities searched from min_disparity on (px); 0 is unset',
         0, 4096),
)

CLASSICAL = ClassicalConfig()
SGBM = (
    Spec('stereo_algorithm', 1, 'accepted for stereo_image_proc; the classical matcher is '
         'always semi-global (1)', choices=(0, 1)),
    Spec('correlation_window_size', CLASSICAL.correlation_window_size,
         f'edge of the matched block (px), odd; {LARGEST_WINDOW_PX} if it is larger', 1, 255),
    Spec('P1', float(CLASSICAL.P1), 'penalty for a disparity step of 1 px between neighbours; '
         '0 chooses by the window', 0.0, 14999.0),
    Spec('P2', float(CLASSICAL.P2), 'penalty for larger steps, P1 + 1 if it is not larger than '
         'P1; 0 chooses by the window', 0.0, 15000.0),
    Spec('uniqueness_ratio', float(CLASSICAL.uniqueness_ratio),
         'margin by which the best match has to beat the second (%)', 0.0, 100.0),
    Spec('speckle_size', CLASSICAL.speckle_size,
         'patches of fewer pixels are removed; 0 keeps them', 0, 100000),
    Spec('speckle_range', CLASSICAL.speckle_range, 'disparity step that separates patches (px)',
         0, 100),
    Spec('disp12_max_diff', CLASSICAL.disp12_max_diff,
         'left-right difference beyond which a pixel is occluded (px); -1 does not check',
         -1, 128),
    Spec('prefilter_cap', CLASSICAL.prefilter_cap,
         'limit of the horizontal gradient that is compared', 1, 63),
    Spec('sgbm_mode', CLASSICAL.sgbm_mode, '0 SGBM, 1 HH, 2 SGBM_3WAY, 3 HH4',
         choices=(0, 1, 2, 3)),
    Spec('prefilter_size', 9, 'accepted for stereo_image_proc; block matching only, no effect',
         5, 255),
    Spec('texture_threshold', 10, 'accepted for stereo_image_proc; block matching only, no '
         'effect', 0, 10000),
)

FLOW_PRESET = Spec('flow_preset', CLASSICAL.flow_preset, 'effort of the classical flow',
                   choices=FLOW_PRESETS)

FLOW = (
    Spec('confidence_threshold', 0.0, THRESHOLD, 0.0, 1.0),
    FLOW_PRESET,
    Spec('warm_start', False, 'networks: start from the flow of the pair before, where it fits '
         'the images; not with tiles, or PanMatch at a smaller size'),
    Spec('max_gap_seconds', 1.0,
         'images further apart are not matched; the newer one starts a new sequence (s)',
         0.001, 3600.0),
    Spec('color_max_px', 0.0, 'flow at full saturation of flow/image_color (px); 0 follows the '
         'largest flow of each image', 0.0, 10000.0),
)

STEREO_NODE = (*MATCHER, *INPUTS, *STEREO, *SGBM)
FLOW_NODE = (*MATCHER, *INPUTS, *FLOW)


def matcher_options(values: SimpleNamespace) -> MatcherOptions:
    """
    Options of the matcher from parameters; those that a node does not have keep their default.

    :raises ConfigError: if they do not go together.
    """
    if hasattr(values, 'min_depth'):
        depth_filter(values)
    names = ('min_disparity', 'max_disparity', 'correlation_window_size', 'P1', 'P2',
             'uniqueness_ratio', 'speckle_size', 'speckle_range', 'disp12_max_diff',
             'prefilter_cap', 'sgbm_mode', 'flow_preset')
    given = {name: getattr(values, name) for name in names if hasattr(values, name)}
    if 'max_disparity' in given:
        given['max_disparity'] = end_of_search(values)
    limits = {name: given[name] for name in given.keys() & {'min_disparity', 'max_disparity'}}
    runtime = {name: getattr(values, name) for name in RUNTIME}
    runtime['background_build'] = not values.build_only
    runtime['warm_start'] = getattr(values, 'warm_start', False)
    if values.build_only and values.backend not in ENGINE_BACKENDS:
        raise ConfigError(f'build_only builds engines, and the backend {values.backend} has none: '
                          f'set backend to {" or ".join(ENGINE_BACKENDS)}')
    return MatcherOptions(
        ClassicalConfig(**for_classical(given)),
        PanMatchOptions(weights=values.weights, tiles=values.tiles, **runtime, **limits),
        NanoOptions(weights=values.weights if values.matcher == 'nano' else '',
                    detail=values.detail, large_motion=values.large_motion, **runtime, **limits))
