"""The parts of a nano network as modules of plain tensors, for exporters and compilers."""
import torch
from torch import Tensor, nn

from .nano_encoder import NanoFeatures
from .nano_folding import FoldedNano
from .nano_parts import INPUTS


class NanoPart(nn.Module):
    """
    One of the parts that are computed one after another.

    :param network: whose weights it uses; parts of one network share them.
    :param part: one of :data:`~.nano_parts.PARTS`.
    """

    def __init__(self, network: FoldedNano, part: str) -> None:
        super().__init__()
        self.network, self.part = network, part
        self._function = {'encoder': self._encode, 'flow': self._start_flow,
                          'stereo': self._start_stereo, 'refine': self._refine}[part]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute ``OUTPUTS`` of the part from its ``INPUTS``, both in their order."""
        return tuple(self._function(dict(zip(INPUTS[self.part], inputs, strict=True))))

    def _encode(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return self.network.encoder(inputs['image'])

    def _start_flow(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return self.network.start_flow(*_features(inputs), inputs['flow_init'],
                                       inputs['init_weight'])

    def _start_stereo(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return self.network.start_stereo(*_features(inputs))

    def _refine(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        return self.network.refine(*_features(inputs), inputs['flow4'], inputs['state4'],
                                   inputs['horizontal'])


def example_inputs(network: FoldedNano, part: str, size: tuple[int, int]) -> dict[str, Tensor]:
    """
    Compute inputs of a part from two images of noise.

    :param size: (height, width) of the images, pixels.
    :returns: by name, in the order of ``INPUTS``.
    """
    height, width = size
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    values = {'image': image}
    with torch.no_grad():
        if part != 'encoder':
            for digit, each in enumerate((image, image.roll(3, -1))):
                features = network.encoder(each)
                values |= {f'{name}{digit}': value
                           for name, value in zip(features._fields, features, strict=True)}
            tokens = values['tokens0']
            values |= {'flow_init': torch.zeros_like(tokens[:, :2]),
                       'init_weight': torch.zeros_like(tokens[:, :1]),
                       'horizontal': torch.ones(1, 2, 1, 1)}
        if part == 'refine':
            flow, state, _ = NanoPart(network, 'flow')(*(values[x] for x in INPUTS['flow']))
            values |= {'flow4': flow, 'state4': state}
    return {name: values[name] for name in INPUTS[part]}


def _features(inputs: dict[str, Tensor]) -> tuple[NanoFeatures, NanoFeatures]:
    """Features of both images, of which a part is needed; the names end in the digit."""
    nothing = torch.empty(0)
    first, second = (
        NanoFeatures(**{name: inputs.get(f'{name}{digit}', nothing)
                        for name in NanoFeatures._fields}) for digit in '01')
    return first, second
