"""What is read of bags."""
from dataclasses import dataclass
from typing import NamedTuple


class Record(NamedTuple):
    """
    One message of a bag, not decoded.

    :param topic: its name.
    :param message_type: like ``sensor_msgs/msg/Image``.
    :param log_ns: when it was recorded, nanoseconds.
    :param data: its bytes (CDR).
    """

    topic: str
    message_type: str
    log_ns: int
    data: bytes


@dataclass(frozen=True)
class Topic:
    """
    One topic of a bag.

    :param name: like ``/left/image_rect``.
    :param message_type: like ``sensor_msgs/msg/Image``.
    :param count: of its messages.
    """

    name: str
    message_type: str
    count: int
