"""The parameters of match_node: its part of the table, and what goes together."""
from types import SimpleNamespace

from ..core.errors import ConfigError
from ..inference.factory import MatcherOptions
from .parameters import FLOW_PRESET, INPUTS, MATCHER, SYNC, matcher_options
from .settings import Spec

REFERENCES = ('image0', 'keyframe', 'file')

MATCH = (
    Spec('reference', 'auto', 'what is matched: the images of the topics image0 and image1, or '
         'those of the topic image to a keyframe or to the file reference_image; auto is file if '
         'that is given, else image0', choices=('auto', *REFERENCES), live=False),
    Spec('reference_image', '', 'image file that images are matched to, read again when it '
         'changes; ~ is the home folder'),
    Spec('reference_camera_info', '', 'camera_info YAML file of reference_image; empty: the '
         'camera of the images took it, at their size'),
    Spec('reference_frame', 'reference', 'frame_id of the pose with a keyframe or file: where '
         'the camera was that took it'),
    Spec('keyframe_min_share', 0.3, 'an image with a smaller share of confident pixels becomes '
         'the keyframe for those after it; 0 keeps the keyframe', 0.0, 1.0),
    Spec('confidence_threshold', 0.5, 'pixels with a lower confidence are no matches', 0.0, 1.0),
    Spec('sampling', 'grid', 'which pixels are the matches: grid takes the most confident one of '
         'each cell, balanced draws by confidence, evenly over the scene, and takes longer',
         choices=('grid', 'balanced')),
    Spec('max_matches', 1000, 'most matches of a pair', 1, 100000),
    Spec('ransac_threshold_px', 1.0,
         'distance from the epipolar geometry up to which a match agrees with a pose (px)',
         0.01, 100.0),
    Spec('min_inliers', 100, 'a pose with which fewer matches agree is not published', 8, 100000),
    Spec('min_inlier_ratio', 0.5, 'a pose with which a smaller share of the matches agrees is not '
         'published', 0.0, 1.0),
    Spec('max_drawn', 150, 'most lines in matches/image_color', 0, 10000),
    *SYNC, FLOW_PRESET,
)

MATCH_NODE = (*MATCHER, *INPUTS, *MATCH)


def match_options(values: SimpleNamespace) -> MatcherOptions:
    """
    Options of the matcher, after a look at those of the reference.

    :param values: ``reference`` is settled: of the first ones, before the node has its inputs.
    :raises ConfigError: if they do not go together.
    """
    reference = values.reference
    if reference == 'auto':
        reference = values.reference = 'file' if values.reference_image else 'image0'
    if reference == 'file' and not values.reference_image:
        raise ConfigError('reference is file, and reference_image names none')
    for name in ('reference_image', 'reference_camera_info'):
        if reference != 'file' and getattr(values, name):
            raise ConfigError(f'{name} is for reference: file, and reference is {reference}')
    return matcher_options(values)
