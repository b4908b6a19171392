"""Message types of bags, and the library that knows them."""
from functools import lru_cache
import importlib
import sys
from typing import Any

from ...core.errors import FormatError, MissingDependencyError

OPTICAL_FLOW = 'panmatch_ros/msg/OpticalFlow'
# As msg/OpticalFlow.msg, which is not beside the modules once they are installed; a test compares.
OPTICAL_FLOW_FIELDS = """\
std_msgs/Header header
builtin_interfaces/Time source_stamp
float64 dt
sensor_msgs/Image flow
sensor_msgs/Image confidence
"""


def require_rosbags() -> None:
    """
    Check that the library for bags is there.

    :raises MissingDependencyError: if it is not.
    """
    try:
        import rosbags.rosbag2  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f'reading and writing bags needs the Python package rosbags ({error}); install it '
            "with `pip install rosbags`, or this package with `pip install 'panmatch_ros[bag]'`"
        ) from None


@lru_cache(maxsize=1)
def typestore() -> Any:
    """
    Give the types of ROS 2 and our own ``OpticalFlow``, as a typestore of rosbags.

    :raises MissingDependencyError: if rosbags is not installed.
    """
    require_rosbags()
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    store = get_typestore(Stores.LATEST)
    store.register(get_types_from_msg(OPTICAL_FLOW_FIELDS, OPTICAL_FLOW))
    return store


def decode(data: bytes, message_type: str, topic: str) -> Any:
    """
    Turn the bytes of a message into an object with its fields.

    :param data: as they stand in the bag (CDR).
    :param message_type: like ``sensor_msgs/msg/Image``.
    :param topic: how errors call it.
    :raises FormatError: if the type is not known, or the bytes are not of it.
    """
    store = typestore()
    if message_type not in store.types:
        raise FormatError(f'{topic}: the message type {message_type} is not known')
    try:
        return store.deserialize_cdr(data, message_type)
    except Exception as error:  # what a wrong length leads to depends on the type
        raise FormatError(f'{topic}: {len(data)} bytes are no {message_type}: {error}') from None


def make(message_type: str, **fields: Any) -> Any:
    """Make a message of a type by its fields."""
    return typestore().types[message_type](**fields)


@lru_cache(maxsize=1)
def zstandard() -> Any:
    """Give the module of the Zstandard compression: that of Python 3.14, or its back-port."""
    require_rosbags()
    name = 'compression.zstd' if sys.version_info >= (3, 14) else 'backports.zstd'
    return importlib.import_module(name)
