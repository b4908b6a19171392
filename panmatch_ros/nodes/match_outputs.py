"""From a displacement field to the messages of match_node."""
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from std_msgs.msg import Header

from ..core.balanced_sampling import balanced_correspondences
from ..core.correspondence import correspondences_from_displacement
from ..core.types import Correspondences, Displacement
from ..viz.matches import draw_matches
from .diagnostics import own_messages
from .match_pose import PoseResult, find_pose, pose_message, status_message
from .match_references import View
from .outputs import ImageBuffer

POSE_OUTPUTS = frozenset({'pose', 'pose/status'})


@dataclass(frozen=True)
class Match:
    """
    What the outputs of two images are made of.

    :param first: image 0; its header names the frame of the pose, and the stamp of image 0.
    :param second: image 1.
    :param result: from image 0 to image 1.
    :param details: further values for ``pose/status``.
    """

    first: View
    second: View
    result: Displacement
    details: dict[str, str]


class MatchOutputs:
    """
    Makes the messages; one object serves one thread.

    :param name: of the node, for ``pose/status``.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._picture = ImageBuffer('rgb8')
        self.pose: PoseResult | None = None  # of the last frame; None if nobody wanted it

    def messages(self, match: Match, settings: SimpleNamespace,
                 wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
        """
        Make the wanted messages, one after the other.

        :param settings: parameters of the node.
        :param wanted: names of the outputs.
        :returns: name and message of each; no ``pose`` if the matches do not tell it.
        """
        first, second = match.first, match.second
        found = sample(match, settings)
        self.pose = None
        if 'correspondences' in wanted:
            yield 'correspondences', correspondences_message(found, first, second)
        if wanted & POSE_OUTPUTS:
            self.pose = find_pose(found, first, second, settings)
            if 'pose' in wanted and self.pose.pose is not None:
                header = Header(stamp=second.header.stamp, frame_id=first.header.frame_id)
                yield 'pose', pose_message(header, self.pose.pose)
            if 'pose/status' in wanted:
                yield 'pose/status', status_message(second.header, f'{self._name}: pose',
                                                    self.pose, match.details)
        if 'matches/image_color' in wanted:
            picture = draw_matches(first.pixels, second.pixels, found, settings.max_drawn,
                                   color_by='confidence')
            yield 'matches/image_color', self._picture.fill(second.header, picture)


def sample(match: Match, settings: SimpleNamespace) -> Correspondences:
    """Choose the sparse matches as the parameters say."""
    height, width = match.second.pixels.shape[:2]
    limits = {'min_confidence': settings.confidence_threshold,
              'max_matches': settings.max_matches}
    if settings.sampling == 'balanced':
        return balanced_correspondences(match.result, size1=(height, width), **limits)
    return correspondences_from_displacement(match.result, **limits)


def correspondences_message(found: Correspondences, first: View, second: View) -> Any:
    """Make a Correspondences message; its header is that of image 1."""
    messages = own_messages()
    assert messages is not None  # the output exists only where the messages do
    (height0, width0), (height1, width1) = first.pixels.shape[:2], second.pixels.shape[:2]
    message = messages.Correspondences(
        header=second.header, source_stamp=first.header.stamp,
        image0_width=width0, image0_height=height0, image1_width=width1, image1_height=height1)
    message.points0, message.points1 = _floats(found.points0), _floats(found.points1)
    message.scores = _floats(found.scores)
    return message


def _floats(values: np.ndarray) -> array:
    """Give float32 values as the array type that messages hold."""
    floats = array('f')
    floats.frombytes(values.astype(np.float32).tobytes())
    return floats
