"""Messages as plain objects, for tests that need neither ROS nor a library for bags."""
from types import SimpleNamespace

import numpy as np


def header(stamp_ns=0, frame_id='camera'):
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec), frame_id=frame_id)


def image(pixels, encoding, stamp_ns=0):
    pixels = np.ascontiguousarray(pixels)
    return SimpleNamespace(header=header(stamp_ns), height=pixels.shape[0], width=pixels.shape[1],
                           encoding=encoding, is_bigendian=0,
                           step=pixels.nbytes // pixels.shape[0], data=pixels.tobytes())


def transform(parent, child, translation, stamp_ns=0, quaternion=(0.0, 0.0, 0.0, 1.0)):
    names = ('x', 'y', 'z', 'w')
    return SimpleNamespace(
        header=header(stamp_ns, parent), child_frame_id=child, transform=SimpleNamespace(
            translation=SimpleNamespace(**dict(zip(names, translation, strict=False))),
            rotation=SimpleNamespace(**dict(zip(names, quaternion, strict=True)))))
