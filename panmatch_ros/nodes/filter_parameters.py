"""Parameters of what is left out after matching, by every node that publishes depth."""
from types import SimpleNamespace

from ..core.camera import StereoRig
from ..core.disparity_filter import DepthFilter, filter_disparity
from ..core.types import Disparity
from .settings import Spec

FILTERS = (
    Spec('min_depth', 0.0, 'pixels that are nearer become invalid, confidences stay (m)',
         0.0, 10000.0),
    Spec('max_depth', 0.0, 'pixels that are farther become invalid, confidences stay (m); 0 is no '
         'limit', 0.0, 10000.0),
    Spec('filter_speckle_size', 0, 'patches of fewer pixels become invalid, whatever matcher '
         'found them, confidences stay; 0 keeps all', 0, 100000),
    Spec('filter_speckle_range', 1.0,
         'disparity step between neighbours that separates such patches (px)', 0.0, 1000.0),
)

INVALID_VALUE = Spec(
    'invalid_value', 'nan', 'what an invalid pixel of disparity has: nan; below_minimum is '
    'min_disparity of the message less 1, as in stereo_image_proc; zero is as in Isaac ROS',
    choices=('nan', 'below_minimum', 'zero'))


def depth_filter(values: SimpleNamespace) -> DepthFilter:
    """
    Make the filter from parameters.

    :raises ConfigError: if they do not go together.
    """
    return DepthFilter(values.min_depth, values.max_depth, values.filter_speckle_size,
                       values.filter_speckle_range)


def filtered(result: Disparity, rig: StereoRig, values: SimpleNamespace) -> Disparity:
    """
    Leave out of a disparity map what the parameters of a stereo node ask for.

    :returns: ``result`` itself if they ask for no filter; the threshold on the confidence alone
        is none, the outputs look at it.
    """
    return filter_disparity(result, rig, depth_filter(values), values.confidence_threshold)
