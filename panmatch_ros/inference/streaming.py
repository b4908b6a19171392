"""Flow from each image of a sequence to the next, and disparity beside it."""
from typing import TYPE_CHECKING

import numpy as np

from ..core.image import check_image
from ..core.types import Disparity, Displacement

if TYPE_CHECKING:
    from .matcher import Matcher


class FlowStream:
    """
    Matches each image to the one before it; this one simply keeps the image.

    Results are those of ``matcher.match(previous, image)``. A matcher that can keep more than
    the image has a stream of its own, see :meth:`Matcher.stream`. One stream is used by one
    thread at a time.

    :param matcher: what computes.
    """

    def __init__(self, matcher: 'Matcher') -> None:
        self.matcher = matcher
        self._last: np.ndarray | None = None

    @property
    def last(self) -> np.ndarray | None:
        """The image that the next one is matched to; None at the start of a sequence."""
        return self._last

    def next(self, image: np.ndarray) -> Displacement | None:
        """
        Match the last image to this one, and keep this one.

        :param image: not changed by the caller afterwards. One of another size than the last
            starts a new sequence.
        :returns: displacement on the grid of the last image; None at the start of a sequence.
        :raises ShapeError: if the form is not accepted; the sequence is forgotten.
        :raises ImageError: as :meth:`Matcher.match`; the sequence is forgotten.
        """
        last = self._last
        self.forget()
        check_image(image)
        result = None
        if last is not None and last.shape[:2] == image.shape[:2]:
            result = self.matcher.match(last, image)
        self._last = image
        return result

    def forget(self) -> None:
        """Start a new sequence with the next image."""
        self._last = None


class RigStream:
    """
    Disparity of each pair of a stereo camera, and flow of its left image from pair to pair.

    Results are those of ``matcher.match_stereo(left, right)`` and of ``matcher.stream()``; a
    matcher that describes images describes each one once. One stream is used by one thread at a
    time.

    :param matcher: what computes.
    """

    def __init__(self, matcher: 'Matcher') -> None:
        self.matcher = matcher
        self._flow = matcher.stream()

    @property
    def last(self) -> np.ndarray | None:
        """The left image that the next one is matched to; None at the start of a sequence."""
        return self._flow.last

    def next(self, left: np.ndarray, right: np.ndarray
             ) -> tuple[Disparity, Displacement | None]:
        """
        Match a pair, and the last left image to this one.

        :param left: not changed by the caller afterwards.
        :param right: of the same size.
        :returns: disparity on the grid of the left image; displacement on that of the last left
            image, None at the start of a sequence.
        :raises ShapeError: if the form is not accepted; the sequence is forgotten.
        :raises ImageError: as :meth:`Matcher.match`; the sequence is forgotten.
        """
        try:
            disparity = self.matcher.match_stereo(left, right)
        except Exception:
            self.forget()
            raise
        return disparity, self._flow.next(left)

    def forget(self) -> None:
        """Start a new sequence with the next pair."""
        self._flow.forget()
