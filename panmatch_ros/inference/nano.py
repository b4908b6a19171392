"""Stereo and optical flow with the nano network, without PyTorch."""
import logging

import numpy as np

from ..checkpoints.nano_graphs import find_nano
from ..core.image import check_pair
from ..core.occlusion import fill_hidden
from ..core.types import Disparity, Displacement
from .consistency import inside_confidence
from .matcher import Matcher
from .nano_config import NanoOptions
from .nano_layout import DETAIL, lay_out
from .nano_network import Field, NanoNetwork, View
from .nano_source import NanoSource
from .programs import Programs
from .runtime import make_programs
from .streaming import FlowStream, RigStream

__all__ = ['NanoMatcher', 'NanoOptions']

RANGE_TOLERANCE_PX = 1.0  # stereo: so far beyond the range a disparity is rounded to its end
SURE = 0.7         # stereo: confidence from which a pixel is sure, see fill_hidden
DOUBTFUL = 0.4     # stereo: mean confidence below which the order of the images is looked at
LEANING_SHARE = 0.05, 4.0  # pixels that moved the wrong way, and how many times the others
MOST_CHECKS = 10   # pairs whose order is looked at

log = logging.getLogger(__name__)


class NanoMatcher(Matcher):
    """
    The small network that comes with this package.

    Results are dense. The confidence is the probability, as the network learned it, that a
    pixel is right to one pixel; it is 0 where a pixel leaves the image, and everywhere if an
    image has no contrast at all.

    :param options: options; the defaults if not given.
    :param programs: what computes; made of the options if not given.
    :raises FormatError: if the files of the network are missing or damaged.
    :raises ConfigError: if the options contradict each other, or there is no such device.
    :raises MissingDependencyError: if what the back-end needs is not installed.
    """

    name = 'nano'

    def __init__(self, options: NanoOptions | None = None,
                 programs: Programs | None = None) -> None:
        self.options = options or NanoOptions()
        source = NanoSource(find_nano(self.options.weights))
        self.programs = programs or make_programs(source, self.options, self.name)
        self.network = NanoNetwork(self.programs, source.disparity_levels)
        # Looks at the order of stereo images: no engine for flow is built for that.
        self.order_check = NanoNetwork(self.programs.at_hand, source.disparity_levels)
        self._checks_left = MOST_CHECKS
        self._note_backend()

    def has_network_of(self, options: NanoOptions) -> bool:
        """Whether options describe the network that this matcher has."""
        return self.options.same_runtime(options)

    def with_options(self, options: NanoOptions) -> 'NanoMatcher':
        """
        Make a matcher with the same network.

        :param options: for which :meth:`has_network_of` holds.
        """
        return NanoMatcher(options, self.programs)

    def match(self, image0: np.ndarray, image1: np.ndarray) -> Displacement:
        """
        Match every pixel of image 0 to image 1.

        :param image0: first (older) image.
        :param image1: second (newer) image, same size.
        :returns: displacement on the grid of image 0, valid everywhere.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty, too small or too large.
        """
        check_pair(image0, image1)
        return self.match_views(self.view(image0), self.view(image1))

    def match_stereo(self, left: np.ndarray, right: np.ndarray) -> Disparity:
        """
        Match a rectified pair along its rows.

        Pixels that are hidden in the right image and of which the network is not sure take the
        disparity of the background beside them; their confidence stays. A disparity up to a
        pixel beyond the range (something at infinity, mostly) becomes the end of the range, one
        further off is invalid. Images that look swapped are warned about once.

        :param left: left image.
        :param right: right image, same size.
        :returns: disparity ``x_left - x_right`` on the grid of the left image.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty, too small or too large.
        """
        check_pair(left, right, ('left', 'right'))
        return self.match_stereo_views(self.view(left), self.view(right))

    def match_stereo_views(self, view0: View, view1: View) -> Disparity:
        """Match a rectified pair that is described already, see :meth:`match_stereo`."""
        field = self.network.disparity(view0, view1)
        flow, confidence = _bring_back(field, view0, view1)
        smallest, largest = self.options.disparity_range()
        found = fill_hidden(-flow[..., 0], confidence, SURE)
        disparity = np.clip(found, smallest, largest)
        disparity[np.abs(disparity - found) > RANGE_TOLERANCE_PX] = np.nan
        confidence[~np.isfinite(disparity)] = 0
        self._warn_if_swapped(view0, view1, confidence)
        self._note_backend()
        return Disparity(disparity, confidence)

    def search_range(self, width: int) -> tuple[float, float]:
        """
        Smallest and largest disparity that :meth:`match_stereo` can find.

        :param width: of the images, pixels.
        """
        smallest, largest = self.options.disparity_range()
        scale = DETAIL if self.options.detail else 1.0
        if self.options.max_side:
            scale = min(scale, self.options.max_side / width)
        reach = self.network.reach_px * (2 if self.options.large_motion else 1) / scale
        return smallest, max(min(largest, reach, float(width)), smallest)

    def prepare(self, task: str, size: tuple[int, int]) -> None:
        """
        Plan the graphs for a size, about half a second; find or build engines, if there are any.

        :param task: 'flow' or 'stereo'.
        :param size: (height, width) of the images, pixels.
        :raises ConfigError: if there is no such task.
        :raises EngineError: if there is no engine, none can be built, or it is refused.
        """
        super().prepare(task, size)
        layout = lay_out((int(size[0]), int(size[1])), self.options)
        for each in (layout, layout.halved()) if self.options.large_motion else (layout,):
            self.programs.prepare(task, each.padded)
        self._note_backend()

    def stream(self) -> FlowStream:
        """Match the images of a sequence; the features of each are computed once."""
        from .nano_stream import NanoStream
        return NanoStream(self)

    def rig_stream(self) -> RigStream:
        """Match pairs and left images; the features of each image are computed once."""
        from .nano_stream import NanoRigStream
        return NanoRigStream(self)

    def view(self, image: np.ndarray) -> View:
        """
        Describe an image.

        :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
        """
        height, width = image.shape[:2]
        layout = lay_out((int(height), int(width)), self.options)
        return self.network.encode(layout, image, self.options.large_motion)

    def match_views(self, view0: View, view1: View) -> Displacement:
        """Match images that are described already."""
        return self.result_of(self.network.flow(view0, view1), view0, view1)

    def result_of(self, field: Field, view0: View, view1: View) -> Displacement:
        """Bring what the network found between two images back to them."""
        self._note_backend()
        return Displacement(*_bring_back(field, view0, view1))

    def _note_backend(self) -> None:
        backend = self.programs.backend
        self.backend, self.precision = backend.name, backend.precision
        self.status = self.programs.status

    def _warn_if_swapped(self, left: View, right: View, confidence: np.ndarray) -> None:
        """Look where pixels went if a result is bad: in a stereo pair none goes to the right."""
        if self._checks_left == 0 or float(confidence.mean()) > DOUBTFUL:
            return
        self._checks_left -= 1
        went_left, went_right = self.order_check.leaning(left, right)
        share, ratio = LEANING_SHARE
        if went_right > share and went_right > ratio * went_left:
            self._checks_left = 0
            log.warning('the images of this pair look swapped: what is in the left one is '
                        'further to the right in the right one (in %.0f %% of the image); give '
                        'the left image first', 100 * went_right)


def _bring_back(field: Field, view0: View, view1: View) -> tuple[np.ndarray, np.ndarray]:
    """Give flow (H, W, 2) and confidence (H, W) of the image."""
    flow = view0.layout.inverse_flow(field.flow)
    confidence = np.clip(view0.layout.inverse_map(field.confidence), 0, 1)
    confidence *= inside_confidence(flow)
    unknown = ~np.isfinite(flow).all(axis=-1)
    flow[unknown] = np.nan
    confidence[unknown | ~np.isfinite(confidence)] = 0
    if view0.is_plain or view1.is_plain:
        confidence[:] = 0
    return flow, confidence
