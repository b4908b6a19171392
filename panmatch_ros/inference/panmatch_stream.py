"""Sequences with the PanMatch network: the features of each image are computed once."""
from typing import NamedTuple

import numpy as np

from ..core.image import check_image, check_pair
from ..core.types import Disparity, Displacement
from .layout import Layout
from .panmatch import PanMatchMatcher
from .panmatch_torch import View
from .streaming import FlowStream, RigStream
from .warm_start import CELL, WarmStart, small_image


class Described(NamedTuple):
    """An image, how it goes through the network, and what is known of its parts."""

    image: np.ndarray
    layout: Layout
    views: list[View]


class PanMatchStream(FlowStream):
    """
    Flow through a sequence; the features of the last image are kept on the device.

    :param matcher: what computes.
    """

    def __init__(self, matcher: PanMatchMatcher) -> None:
        super().__init__(matcher)
        self._panmatch = matcher
        self._kept: Described | None = None  # the last image
        self._warm = WarmStart() if matcher.options.warm_start else None

    def forget(self) -> None:
        """Start a new sequence with the next image."""
        super().forget()
        self._kept = None
        if self._warm is not None:
            self._warm.forget()

    def next(self, image: np.ndarray) -> Displacement | None:
        """
        Match the last image to this one, and keep this one.

        :param image: not changed by the caller afterwards. One of another size than the last
            starts a new sequence.
        :returns: displacement on the grid of the last image; None at the start of a sequence.
        :raises ShapeError: if the form is not accepted; the sequence is forgotten.
        :raises ImageError: as :meth:`Matcher.match`; the sequence is forgotten.
        """
        try:
            check_image(image)
            return self.next_described(describe(self._panmatch, image))
        except Exception:
            self.forget()
            raise

    def next_described(self, new: Described) -> Displacement | None:
        """Match the last image to this one, see :meth:`next`."""
        kept = self._kept
        self._kept = self._last = None  # in case of an error
        result = None
        if kept is not None and kept.layout.size == new.layout.size:
            result = self._match(kept, new)
        elif self._warm is not None:
            self._warm.forget()
        self._kept, self._last = new, new.image
        return result

    def _match(self, kept: Described, new: Described) -> Displacement:
        pairs = zip(kept.views, new.views, strict=True)
        if self._warm is None or new.layout.transform.size != new.layout.size:
            # Tiles and smaller images start cold.
            return self._panmatch.match_views(new.layout, pairs)
        size = new.layout.transform.stretched
        found = self._warm.guess(small_image(kept.image, size), small_image(new.image, size))
        guess = None if found is None else _dense(*found)
        result = self._panmatch.match_views(new.layout, pairs, guess)
        flow = new.layout.transform.forward_flow(np.nan_to_num(result.flow))
        confidence = new.layout.transform.forward_map(result.confidence)
        self._warm.keep(flow, confidence)
        return result


class PanMatchRigStream(RigStream):
    """
    Disparity and flow of a stereo camera; the left image is described once for both.

    :param matcher: what computes.
    """

    def __init__(self, matcher: PanMatchMatcher) -> None:
        super().__init__(matcher)
        self._panmatch, self._stream = matcher, PanMatchStream(matcher)
        self._flow = self._stream

    def next(self, left: np.ndarray, right: np.ndarray
             ) -> tuple[Disparity, Displacement | None]:
        """Match a pair, and the last left image to this one, see :meth:`RigStream.next`."""
        try:
            check_pair(left, right, ('left', 'right'))
            one, other = (describe(self._panmatch, image) for image in (left, right))
            pairs = zip(one.views, other.views, strict=True)
            disparity = self._panmatch.disparity_of(
                self._panmatch.match_views(one.layout, pairs))
            return disparity, self._stream.next_described(one)
        except Exception:
            self.forget()
            raise


def describe(matcher: PanMatchMatcher, image: np.ndarray) -> Described:
    """Encode an image."""
    layout = matcher.layout(image)
    return Described(image, layout, matcher.views_of(layout, image))


def _dense(flow: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Repeat the guess of each cell; nothing moves where there is none."""
    sure = np.where(weight[..., None] > 0, flow, np.float32(0))
    return sure.repeat(CELL, axis=0).repeat(CELL, axis=1)
