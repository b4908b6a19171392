"""A nano network that is small enough for tests, and smooth pairs of images to match."""
import numpy as np
import torch
from torch import nn

from panmatch_ros.models.nano import Nano
from panmatch_ros.models.nano_config import NanoConfig

torch.set_num_threads(1)  # threads that wait for each other cost more than they bring here

SMALL = NanoConfig(channels=(8, 16, 16, 16), blocks=(1, 1, 1), match_dim=16,
                   hidden=(16, 16, 16), disparity_levels=16, volume_dim=8)


def nano_model(config=SMALL, seed=17):
    """
    Make a network whose every part has an effect; its matches are of no use.

    With this seed no two candidates of the tests' images are equally good, so rounding decides
    nothing.
    """
    torch.manual_seed(seed)
    model = Nano(config)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    for name, parameter in model.named_parameters():
        if name.endswith('head.weight'):
            nn.init.normal_(parameter, 0, 0.02)
        if name.endswith('log_scale'):
            parameter.data.fill_(3.0)  # decided as a trained one: no ties that rounding breaks
    return model.eval()


def textured_pair(height, width, shift=(2, 5), seed=0):
    """Two uint8 RGB images, the second moved by (down, right) pixels."""
    rng = np.random.default_rng(seed)
    image = torch.tensor(rng.random((1, 3, height // 6 + 2, width // 6 + 2)), dtype=torch.float32)
    image = nn.functional.interpolate(image, size=(height + 32, width + 32), mode='bicubic')
    pixels = (image[0].permute(1, 2, 0).clamp(0, 1) * 255).byte().numpy()
    down, right = shift
    return (np.ascontiguousarray(pixels[16:16 + height, 16:16 + width]),
            np.ascontiguousarray(pixels[16 - down:16 - down + height,
                                        16 - right:16 - right + width]))


def write_graphs(folder):
    """Write such a network as the matcher reads it; return the folder as text."""
    from panmatch_ros.checkpoints.nano_graphs import WEIGHTS, write_manifest
    from panmatch_ros.checkpoints.nano_weights import save_nano
    from panmatch_ros.models.nano_export import export_nano
    model = nano_model()
    paths = export_nano(model, folder)
    save_nano(folder / WEIGHTS, model)
    write_manifest(folder, model.config.to_dict(), [*paths, folder / WEIGHTS], {})
    return str(folder)
