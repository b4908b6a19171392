"""A PanMatch network that is small enough for tests, and a stand-in whose results are known."""
from pathlib import Path

import numpy as np
import torch

from panmatch_ros.checkpoints.native import Metadata, save_native
from panmatch_ros.checkpoints.weightfill import fill_model
from panmatch_ros.inference.panmatch import PanMatchMatcher, PanMatchOptions
from panmatch_ros.inference.panmatch_torch import TorchNetwork
from panmatch_ros.models.cost_decoder import Prediction
from panmatch_ros.models.panmatch import Features, PanMatch
from panmatch_ros.models.presets import preset

torch.set_num_threads(1)  # threads that wait for each other cost more than they bring here


def tiny_model(**changes):
    """Make a network with reproducible weights; its matches are of no use."""
    model = PanMatch(preset('panmatch_tiny', **changes))
    fill_model(model)
    return model.eval()


def write_tiny(path, crop_size=None, **changes):
    """Write such a network; return the path as text."""
    model = tiny_model(**changes)
    save_native(Path(path), model.state_dict(), Metadata(model.config, crop_size))
    return str(path)


def tiny_matcher(changes=None, **options):
    """Make a matcher with such a network on the CPU."""
    network = TorchNetwork(tiny_model(**(changes or {})), 'cpu')
    return PanMatchMatcher(network, PanMatchOptions(**options))


class BrightnessNetwork(torch.nn.Module):
    """
    Finds the flow ``gain * (brightness of image 1 - brightness of image 0)`` everywhere.

    Brightness is the mean of the normalised red (for x) and green (for y).

    :param gain: pixels of the network's frame.
    :param confidence: what the confidence head says; None has no such head.
    """

    def __init__(self, gain=1.0, confidence=None):
        super().__init__()
        self.config = preset('panmatch_tiny', confidence_head=confidence is not None)
        self.gain, self.confidence = gain, confidence
        self.encoded = 0  # images

    def encode(self, images):
        self.encoded += len(images)
        mean = images[:, :2].mean(dim=(2, 3), keepdim=True)
        return Features((images,), mean.expand(-1, -1, images.shape[2] // 8,
                                               images.shape[3] // 8))

    def encode_pair(self, image0, image1):
        return self.encode(image0), self.encode(image1)

    def context_of(self, features):
        return features.fmap

    def correlate(self, fmap0, fmap1):
        return (fmap0[..., 0, 0] + fmap1[..., 0, 0])[..., None]

    def match(self, volume, context, flow_init=None):
        flow = self.gain * (volume.reshape(1, 2, 1, 1) - 2 * context)
        flow = flow.repeat_interleave(8, 2).repeat_interleave(8, 3)
        head = None if self.confidence is None else torch.full_like(flow[:, :1], self.confidence)
        return Prediction(flow, head)


def brightness_matcher(gain=1.0, confidence=None, **options):
    """Make a matcher around :class:`BrightnessNetwork`."""
    network = TorchNetwork(BrightnessNetwork(gain, confidence), 'cpu')
    return PanMatchMatcher(network, PanMatchOptions(**options))


def plain(size, red=0.0, green=0.0):
    """(H, W, 3) float64 whose normalised red and green have these values."""
    return np.full((*size, 3), (0.485 + 0.229 * red, 0.456 + 0.224 * green, 0.5))


def picture(size, seed=0):
    """(H, W, 3) uint8 of coloured noise."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
