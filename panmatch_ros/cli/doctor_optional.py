"""Checks of what makes more possible: other back-ends, weights, sample images."""
from ..core.errors import PanMatchError
from .doctor_probe import MISSING, OK, Check, check_module

SLOW_IMPORT_S = 60.0
FOR_NANO = 'for the small network nano: `pip install onnxruntime`; the matcher auto is ' \
    'classical without it'
FOR_OPENVINO = 'optional: `pip install openvino` makes the nano network faster (--backend ' \
    'openvino)'
FOR_NETWORK = 'only for the PanMatch network: `pip install torch safetensors`'
FOR_BAGS = 'only for recordings, `panmatch bag` and bag_player: `pip install rosbags`'
FOR_SPRING = 'only for the dataset Spring, whose truth is HDF5: `pip install h5py`'

SAFETENSORS = """
import safetensors.numpy
print(safetensors.__version__)
"""
ROSBAGS = """
import importlib.metadata
import rosbags.rosbag2
from rosbags.typesys import Stores, get_typestore
get_typestore(Stores.LATEST)
print(importlib.metadata.version('rosbags'))
"""
ONNXRUNTIME = """
import onnxruntime
print(onnxruntime.__version__ + ', ' + ', '.join(onnxruntime.get_available_providers()))
"""


def check_torch() -> Check:
    """Check PyTorch."""
    return check_module('PyTorch', 'torch', 'import torch; print(torch.__version__)',
                        FOR_NETWORK, SLOW_IMPORT_S)


def check_safetensors() -> Check:
    """Check safetensors, which reads and writes the weights of the network."""
    return check_module('safetensors', 'safetensors', SAFETENSORS, FOR_NETWORK)


def check_onnxruntime() -> Check:
    """Check ONNX Runtime."""
    return check_module('ONNX Runtime', 'onnxruntime', ONNXRUNTIME, FOR_NANO, SLOW_IMPORT_S)


def check_openvino() -> Check:
    """Check OpenVINO."""
    return check_module('OpenVINO', 'openvino', 'import openvino; print(openvino.__version__)',
                        FOR_OPENVINO, SLOW_IMPORT_S)


def check_rosbags() -> Check:
    """Check rosbags, which reads and writes bags without ROS."""
    return check_module('rosbags', 'rosbags', ROSBAGS, FOR_BAGS)


def check_h5py() -> Check:
    """Check h5py, which reads the truth of the dataset Spring."""
    return check_module('h5py', 'h5py', 'import h5py; print(h5py.__version__)', FOR_SPRING)


def check_weights() -> Check:
    """Check the weights of the nano network, which come with the package."""
    from ..checkpoints.nano_graphs import find_nano
    from ..models.nano_parts import PARTS
    try:
        graphs = find_nano()
        size = sum(len(graphs.read(part)) for part in PARTS)
    except (PanMatchError, OSError) as error:
        return Check('weights', MISSING, str(error),
                     'the matcher auto is classical without them')
    return Check('weights', OK, f'nano, {size / 1e6:.1f} MB in {graphs.folder}, whole')


def check_samples() -> Check:
    """Look for images to try things on."""
    from ..data.samples import find_samples
    found = find_samples()
    if found:
        return Check('sample images', OK, str(found))
    return Check('sample images', MISSING, 'not found',
                 'only for the demo: `sudo apt install opencv-doc`')


CHECKS = (check_torch, check_safetensors, check_onnxruntime, check_openvino, check_rosbags,
          check_h5py, check_weights, check_samples)
