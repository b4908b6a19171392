"""A graph with a part that asks for single precision, for back-ends that build engines."""
from dataclasses import dataclass, field
import io

import torch
from torch import nn

INPUTS, OUTPUTS = ('image0', 'image1'), ('flow', 'cost')


class TinyModule(nn.Module):
    """Costs of two images in single precision, and of the first one a flow in any."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(),
                                      nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, image0, image1):
        fmap0, fmap1 = self.features(image0), self.features(image1)
        with torch.autocast(image0.device.type, enabled=False):
            cost = (fmap0.float() * fmap1.float()).sum(1, keepdim=True)
        return self.head(fmap0), cost


@dataclass
class TinyGraph:
    """One part for images of a size; its ONNX form leaves the size open."""

    part: str = 'tiny'
    size: tuple = (16, 24)
    inputs: tuple = INPUTS
    outputs: tuple = OUTPUTS
    network: TinyModule = field(default_factory=lambda: TinyModule().eval())

    @property
    def dimensions(self):
        return {'H': self.size[0], 'W': self.size[1]}

    @property
    def spatial(self):
        return dict.fromkeys(self.inputs, self.size)

    def module(self):
        return self.network

    def examples(self):
        generator = torch.Generator().manual_seed(0)
        return tuple(torch.rand(1, 3, *self.size, generator=generator) for _ in self.inputs)

    def onnx(self):
        file = io.BytesIO()
        torch.onnx.export(
            self.network, self.examples(), file, dynamo=False, opset_version=18,
            input_names=list(self.inputs), output_names=list(self.outputs),
            dynamic_axes={name: {2: 'H', 3: 'W'} for name in (*self.inputs, *self.outputs)})
        return file.getvalue()


def compute(graph, inputs):
    """Compute a graph on the CPU in single precision; arrays by name."""
    with torch.no_grad():
        found = graph.network(*(torch.as_tensor(inputs[name]) for name in graph.inputs))
    return {name: value.numpy() for name, value in zip(graph.outputs, found, strict=True)}
