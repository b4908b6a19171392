"""Cases of a benchmark, and images for them."""
from dataclasses import replace

import numpy as np

from panmatch_ros.evaluation.timing.case import Case
from panmatch_ros.inference.factory import MatcherOptions
from panmatch_ros.inference.nano_config import NanoOptions
from panmatch_ros.inference.panmatch_config import PanMatchOptions

SIZE = (64, 80)


def nano_case(**options):
    """Give a case of nano for flow."""
    return Case('nano', MatcherOptions(nano=NanoOptions(**options)), 'flow', SIZE)


CLASSICAL = Case('classical', MatcherOptions(), 'flow', SIZE)
NANO = nano_case(backend='onnxruntime', precision='fp32')
OPENVINO = nano_case(backend='openvino', precision='fp32')
BF16 = replace(CLASSICAL, matcher='panmatch_s', options=MatcherOptions(
    panmatch=PanMatchOptions(weights='s.safetensors', backend='torch', precision='bf16')))


def images(size=SIZE):
    """Two images of noise."""
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(2))
