"""Which two images match_node matches: of two topics, or of one topic and a reference."""
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ..core.stamp_guard import JUMP, LATE
from .conversions import image_from_message, size_from_message
from .image_pairs import ImagePairs
from .inputs import InputTopic
from .match_references import Keyframe, ReferenceFile, View

if TYPE_CHECKING:
    from .base_node import MatcherNode


class Views(ABC):
    """
    The inputs of the node, and the two views of each item that they submit.

    :param node: whose inputs they are.
    """

    topics: Sequence[InputTopic]

    def __init__(self, node: 'MatcherNode') -> None:
        self._node = node

    @abstractmethod
    def views(self, item: Any) -> tuple[View, View] | None:
        """
        Read the two images of an item; called in the worker thread.

        :returns: image 0 and image 1; None if the item became image 0 of the next ones.
        :raises ImageError: if one cannot be read.
        """

    @abstractmethod
    def size_of(self, item: Any) -> tuple[int, int]:
        """
        Give the (height, width) of image 0.

        :raises ImageError: if it cannot be read.
        """

    @abstractmethod
    def calibrated(self, first: View, second: View) -> tuple[View, View]:
        """Give the views with a camera_info that came while they were matched."""

    @abstractmethod
    def describe(self) -> str:
        """Say what image 0 is."""

    @abstractmethod
    def set_reference(self) -> str:
        """
        Take the next image as the reference.

        :returns: why that cannot be; empty if it can.
        """

    @abstractmethod
    def refuse(self) -> None:
        """Note that the matcher refused the two images; called in the worker thread."""

    @abstractmethod
    def note_share(self, second: View, share: float) -> None:
        """Note which share of image 0 was found in image 1; called in the worker thread."""

    def failures(self) -> int:
        """Images that never found their partner."""
        return 0

    def problem(self) -> str:
        """Say why no images are paired; empty if they are."""
        return ''

    @abstractmethod
    def forget(self) -> None:
        """Forget what waits for another image."""


def make_views(node: 'MatcherNode', reference: str) -> Views:
    """
    Make the inputs for a reference.

    :param reference: one of ``REFERENCES``.
    """
    if reference == 'image0':
        return PairViews(node)
    return ReferenceViews(node, Keyframe(node) if reference == 'keyframe' else ReferenceFile(node))


class PairViews(Views):
    """Images of the topics ``image0`` and ``image1``, paired by their stamps."""

    def __init__(self, node: 'MatcherNode') -> None:
        super().__init__(node)
        self._pairs = ImagePairs(node, ('image0', 'image1'), ('image0', 'image1'),
                                 self._on_pair, lambda: None)
        self._infos: list[Any] = [None, None]
        self._info_topics = [
            InputTopic(f'camera_info{index}', CameraInfo, partial(self._on_info, index),
                       required=False) for index in (0, 1)]
        self.topics = [*self._pairs.topics, *self._info_topics]

    def _on_info(self, index: int, message: Any) -> None:
        self._info_topics[index].note()
        self._infos[index] = message

    def _on_pair(self, first: Any, second: Any) -> None:
        self._node.submit((first, second, *self._infos))

    def views(self, item: Any) -> tuple[View, View] | None:
        first, second = (
            View(topic.resolved, image_from_message(message, topic.resolved), message.header,
                 info, info_topic.resolved)
            for topic, message, info, info_topic in zip(
                self._pairs.topics, item[:2], item[2:], self._info_topics, strict=True))
        return first, second

    def calibrated(self, first: View, second: View) -> tuple[View, View]:
        return first.calibrated(self._infos[0]), second.calibrated(self._infos[1])

    def size_of(self, item: Any) -> tuple[int, int]:
        return size_from_message(item[0], self._pairs.topics[0].resolved)

    def describe(self) -> str:
        return self._pairs.topics[0].resolved

    def set_reference(self) -> str:
        return ('reference is image0: each image of image1 is matched to that of image0 with its '
                'stamp')

    def refuse(self) -> None:
        """Do nothing: the next image 0 comes anyway."""

    def note_share(self, second: View, share: float) -> None:
        """Do nothing: the next image 0 comes anyway."""

    def failures(self) -> int:
        return self._pairs.failures

    def problem(self) -> str:
        return self._pairs.problem()

    def forget(self) -> None:
        self._pairs.forget()


class ReferenceViews(Views):
    """
    Images of the topic ``image``, each with the reference.

    :param node: whose inputs they are.
    :param reference: what they are matched to.
    """

    def __init__(self, node: 'MatcherNode', reference: Keyframe | ReferenceFile) -> None:
        super().__init__(node)
        self._reference = reference
        self._info: Any = None
        self._image = InputTopic('image', Image, self._on_image)
        self._camera_info = InputTopic('camera_info', CameraInfo, self._on_info, required=False)
        self.topics = [self._image, self._camera_info]

    def _on_info(self, message: Any) -> None:
        self._camera_info.note()
        self._info = message

    def _on_image(self, message: Any) -> None:
        verdict = self._node.check_stamp(self._image, message)
        if verdict == LATE:
            return
        if verdict == JUMP:
            self._reference.renew()
        self._node.statistics.count('received')
        self._node.submit((message, self._info, self._reference.sequence))

    def views(self, item: Any) -> tuple[View, View] | None:
        message, info, sequence = item
        second = View(self._image.resolved, image_from_message(message, self._image.resolved),
                      message.header, info, self._camera_info.resolved)
        first = self._reference.view_for(second, sequence)
        if first is None:
            return None
        header = Header(stamp=first.header.stamp,
                        frame_id=self._node.settings.reference_frame)
        return replace(first, header=header), second

    def calibrated(self, first: View, second: View) -> tuple[View, View]:
        return first.calibrated(self._info), second.calibrated(self._info)

    def size_of(self, item: Any) -> tuple[int, int]:
        return self._reference.size_for(image_from_message(item[0], self._image.resolved))

    def describe(self) -> str:
        return self._reference.describe()

    def set_reference(self) -> str:
        return self._reference.renew()

    def refuse(self) -> None:
        self._reference.refuse()

    def note_share(self, second: View, share: float) -> None:
        self._reference.note_share(second, share)

    def forget(self) -> None:
        """Do nothing: a keyframe outlives a pause."""
