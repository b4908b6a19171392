"""Stereo and optical flow with the PanMatch network."""
from collections.abc import Iterable

import numpy as np

from ..core.correspondence import confidence_from_error
from ..core.errors import ConfigError
from ..core.image import check_pair
from ..core.types import Disparity, Displacement
from .consistency import consistency_confidence, inside_confidence
from .layout import Layout, lay_out
from .matcher import Matcher
from .panmatch_config import PanMatchOptions
from .panmatch_loading import PanMatchNetwork, load_network
from .panmatch_torch import View, network_name
from .streaming import FlowStream, RigStream

__all__ = ['PanMatchMatcher', 'PanMatchOptions']

ANY_NETWORK = 'panmatch'  # the matcher that takes whatever network the file holds
ROW_ERROR_SCALE_PX = 1.0  # stereo: error across the rows at which the confidence is 0.61
RANGE_TOLERANCE_PX = 1.0  # stereo: so far beyond the range a disparity is rounded to its end


class PanMatchMatcher(Matcher):
    """
    One network for stereo and optical flow.

    Images are stretched to multiples of 112 pixels, large ones in tiles, and the results are
    brought back. Results are dense. The confidence tells how well the two directions agree; with
    ``bidirectional`` off it is that of the network if it has one, and 0 where a pixel leaves the
    image. Disparities also lose confidence where the match is off its row.

    :param network: the network on its device.
    :param options: those that concern the network itself have been used to make it.
    :param crop_size: (height, width) that the network was trained on, if known.
    """

    def __init__(self, network: PanMatchNetwork, options: PanMatchOptions | None = None,
                 crop_size: tuple[int, int] | None = None) -> None:
        self.options = options or PanMatchOptions()
        self.network = network
        self.name = network_name(network.config)
        self._crop_size = crop_size
        self._note_backend()

    @classmethod
    def from_weights(cls, options: PanMatchOptions, name: str = ANY_NETWORK) -> 'PanMatchMatcher':
        """
        Read a checkpoint.

        :param options: with ``weights``.
        :param name: network that is expected; 'panmatch' takes any.
        :raises ConfigError: if no weights are given, or they are of another network.
        :raises PanMatchError: if the file or the device cannot be used.
        """
        if not options.weights:
            raise ConfigError(
                f'matcher {name} needs weights, none are given: --weights FILE on the command '
                'line, the parameter weights of a node. `panmatch convert` makes such a file '
                'from the official checkpoint, see docs/cli.md')
        network, crop_size = load_network(options)
        found = network_name(network.config)
        if name not in (ANY_NETWORK, found):
            raise ConfigError(f'{options.weights} holds the network {found}, and the matcher is '
                              f'{name}: choose matcher {ANY_NETWORK}, or other weights')
        return cls(network, options, crop_size)

    def has_network_of(self, options: PanMatchOptions) -> bool:
        """Whether options describe the network that this matcher has."""
        return (self.options.same_runtime(options)
                and options.iterations == self.options.iterations
                and options.upsampling == self.options.upsampling)

    def with_options(self, options: PanMatchOptions) -> 'PanMatchMatcher':
        """
        Make a matcher with the same network.

        :param options: for which :meth:`has_network_of` holds.
        """
        return PanMatchMatcher(self.network, options, self._crop_size)

    def match(self, image0: np.ndarray, image1: np.ndarray) -> Displacement:
        """
        Match every pixel of image 0 to image 1.

        :param image0: first (older) image.
        :param image1: second (newer) image, same size.
        :returns: displacement on the grid of image 0, valid everywhere; the confidence is 0
            where it leaves image 1.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty or too large.
        """
        check_pair(image0, image1)
        layout, both = self.layout(image0), self.options.bidirectional
        pairs = (self.network.encode_pair(part0, part1, both_contexts=both) for part0, part1 in
                 zip(layout.parts(image0), layout.parts(image1), strict=True))
        return self.match_views(layout, pairs)

    def match_stereo(self, left: np.ndarray, right: np.ndarray) -> Disparity:
        """
        Match a rectified pair along its rows.

        The network looks for matches everywhere; a part of the displacement across the rows
        lowers the confidence. A disparity up to a pixel beyond the range (something at infinity,
        mostly) becomes the end of the range, one further off is invalid.

        :param left: left image.
        :param right: right image, same size.
        :returns: disparity ``x_left - x_right`` on the grid of the left image.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty or too large.
        """
        check_pair(left, right, ('left', 'right'))
        return self.disparity_of(self.match(left, right))

    def disparity_of(self, displacement: Displacement) -> Disparity:
        """Take the part of a displacement along the rows, see :meth:`match_stereo`."""
        smallest, largest = self.options.disparity_range()
        found = -displacement.flow[..., 0]
        disparity = np.clip(found, smallest, largest).astype(np.float32)
        disparity[np.abs(disparity - found) > RANGE_TOLERANCE_PX] = np.nan
        confidence = displacement.confidence * confidence_from_error(
            np.abs(displacement.flow[..., 1]), ROW_ERROR_SCALE_PX)
        confidence[~np.isfinite(disparity)] = 0
        return Disparity(disparity, confidence)

    def search_range(self, width: int) -> tuple[float, float]:
        """
        Smallest and largest disparity that :meth:`match_stereo` can find.

        :param width: of the images, pixels.
        """
        smallest, largest = self.options.disparity_range()
        return smallest, min(largest, float(width))

    def prepare(self, task: str, size: tuple[int, int]) -> None:
        """
        Find or build engines for a size, if there are any.

        :param task: 'flow' or 'stereo'.
        :param size: (height, width) of the images, pixels.
        :raises ConfigError: if there is no such task.
        :raises EngineError: if there is no engine, none can be built, or it is refused.
        """
        super().prepare(task, size)
        layout = lay_out((int(size[0]), int(size[1])), self.options, self._crop_size)
        self.network.prepare(layout.transform.stretched)
        self._note_backend()

    def stream(self) -> FlowStream:
        """Match the images of a sequence; the features of each are computed once."""
        from .panmatch_stream import PanMatchStream
        return PanMatchStream(self)

    def rig_stream(self) -> RigStream:
        """Match pairs and left images; the features of each image are computed once."""
        from .panmatch_stream import PanMatchRigStream
        return PanMatchRigStream(self)

    def views_of(self, layout: Layout, image: np.ndarray) -> list[View]:
        """
        Describe the parts of an image, so that it can be matched in both directions.

        :param layout: of the size of the image.
        :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
        """
        return [self.network.encode(part) for part in layout.parts(image)]

    def match_views(self, layout: Layout, pairs: Iterable[tuple[View, View]],
                    guess: np.ndarray | None = None) -> Displacement:
        """
        Match images that are described already.

        :param layout: of their size.
        :param pairs: views of image 0 and image 1 for each part.
        :param guess: flow (h, w, 2) to start from, pixels of the network's frame; for images in
            one part.
        """
        joined = layout.join(self._match_part(layout, *pair, guess) for pair in pairs)
        self._note_backend()
        forward = np.ascontiguousarray(joined[..., :2])
        if self.options.bidirectional:
            confidence = consistency_confidence(forward, joined[..., 2:4])
        else:
            confidence = inside_confidence(forward)
        if self.network.config.confidence_head:
            confidence *= np.clip(joined[..., -1], 0, 1)
        unknown = ~np.isfinite(forward).all(axis=-1)
        forward[unknown] = np.nan
        confidence[unknown | ~np.isfinite(confidence)] = 0
        return Displacement(layout.shrink.inverse_flow(forward),
                            layout.shrink.inverse_map(confidence))

    def layout(self, image: np.ndarray) -> Layout:
        """Choose how images of this size go through the network."""
        return lay_out(image.shape[:2], self.options, self._crop_size)

    def _note_backend(self) -> None:
        self.backend, self.precision = self.network.backend, self.network.precision
        self.status = self.network.status

    def _match_part(self, layout: Layout, view0: View, view1: View,
                    guess: np.ndarray | None = None) -> np.ndarray:
        """Give forward flow, backward flow if wanted, and the confidence if there is one."""
        fields = self.network.match(view0, view1, self.options.bidirectional, guess)
        channels = [layout.transform.inverse_flow(field.flow) for field in fields]
        if fields[0].confidence is not None:
            channels.append(layout.transform.inverse_map(fields[0].confidence)[..., None])
        return np.concatenate(channels, axis=-1)
