"""Sequences with the nano network: the features of each image are computed once."""
import numpy as np

from ..core.image import check_image, check_pair
from ..core.types import Disparity, Displacement
from .nano import NanoMatcher
from .nano_network import View
from .streaming import FlowStream, RigStream
from .warm_start import WarmStart, small_image


class NanoStream(FlowStream):
    """
    Flow through a sequence; the features of the last image are kept.

    :param matcher: what computes.
    """

    def __init__(self, matcher: NanoMatcher) -> None:
        super().__init__(matcher)
        self._nano = matcher
        self._kept: View | None = None  # of the last image
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
        return self.next_view(image, None)

    def next_view(self, image: np.ndarray, view: View | None) -> Displacement | None:
        """
        Match the last image to this one, which may be described already.

        :param view: of the image; None if it is not.
        """
        last, kept = self._last, self._kept
        self._last = self._kept = None  # in case of an error
        try:
            check_image(image)
            view = view or self._nano.view(image)
            result = None
            if last is not None and kept is not None and kept.layout.size == view.layout.size:
                result = self._match(last, image, kept, view)
            elif self._warm is not None:
                self._warm.forget()
        except Exception:
            self.forget()
            raise
        self._kept, self._last = view, image
        return result

    def _match(self, last: np.ndarray, image: np.ndarray, kept: View, view: View) -> Displacement:
        if self._warm is None:
            return self._nano.match_views(kept, view)
        size = view.layout.padded
        guess = self._warm.guess(small_image(last, size), small_image(image, size))
        field = self._nano.network.flow(kept, view, guess)
        self._warm.keep(field.flow[0].transpose(1, 2, 0), field.confidence[0, 0])
        return self._nano.result_of(field, kept, view)


class NanoRigStream(RigStream):
    """
    Disparity and flow of a stereo camera; the left image is described once for both.

    :param matcher: what computes.
    """

    def __init__(self, matcher: NanoMatcher) -> None:
        super().__init__(matcher)
        self._nano, self._stream = matcher, NanoStream(matcher)
        self._flow = self._stream

    def next(self, left: np.ndarray, right: np.ndarray
             ) -> tuple[Disparity, Displacement | None]:
        """Match a pair, and the last left image to this one, see :meth:`RigStream.next`."""
        try:
            check_pair(left, right, ('left', 'right'))
            view = self._nano.view(left)
            disparity = self._nano.match_stereo_views(view, self._nano.view(right))
        except Exception:
            self.forget()
            raise
        return disparity, self._stream.next_view(left, view)
