"""The encoder of nano without batch normalisation."""
from torch import Tensor, nn
from torch.nn import functional as F

from ..nano_encoder import ConvNorm, NanoEncoder, NanoFeatures, normalize, upsample_nearest


class FoldedEncoder(nn.Module):
    """
    The same features at a lower price.

    Batch normalisation goes into the weights before it. The stem reads the image itself: a 3x3
    convolution of 2x2 pixels is one of 6x6 pixels with a stride of 2.

    :param encoder: the trained one; left as it is.
    """

    def __init__(self, encoder: NanoEncoder) -> None:
        super().__init__()
        stem = fold_norm(encoder.stem)
        outputs = stem.out_channels
        self.stem = nn.Conv2d(3, outputs, 6, 2, 2)
        weight = stem.weight.reshape(outputs, 3, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3)
        self.stem.weight = nn.Parameter(weight.reshape(outputs, 3, 6, 6))
        self.stem.bias = stem.bias
        self.down4, self.down8, self.down16 = (
            FoldedStage(stage) for stage in (encoder.down4, encoder.down8, encoder.down16))
        self.top8, self.top4, self.top2 = encoder.top8, encoder.top4, encoder.top2
        self.smooth8, self.smooth4, self.smooth2 = (
            encoder.smooth8, encoder.smooth4, encoder.smooth2)
        self.tokens = encoder.tokens

    def forward(self, image: Tensor) -> NanoFeatures:
        """(1, 3, H, W) RGB in [0, 1] to what :class:`NanoEncoder` gives."""
        x2 = F.relu(self.stem(normalize(image)))
        x4 = self.down4(x2)
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x8 = self.smooth8(F.relu(x8 + upsample_nearest(self.top8(x16))))
        x4 = self.smooth4(F.relu(x4 + upsample_nearest(self.top4(x8))))
        x2 = self.smooth2(F.relu(x2 + upsample_nearest(self.top2(x4))))
        return NanoFeatures(x2, x4, x8, x16, self.tokens(x16))


class FoldedStage(nn.Module):
    """
    A stage of the encoder.

    :param stage: a :class:`ConvNorm` of stride 2, then residual blocks; left as it is.
    """

    def __init__(self, stage: nn.Sequential) -> None:
        super().__init__()
        first, *blocks = stage
        self.first = fold_norm(first)
        self.blocks = nn.ModuleList(
            nn.ModuleList([fold_norm(block.first), fold_norm(block.second)]) for block in blocks)

    def forward(self, x: Tensor) -> Tensor:
        """(1, C, H, W) to (1, D, H / 2, W / 2)."""
        x = F.relu(self.first(x))
        for block in self.blocks:
            first, second = block
            x = F.relu(x + second(F.relu(first(x))))
        return x


def fold_norm(layer: ConvNorm) -> nn.Conv2d:
    """Make one convolution of a convolution and its batch normalisation."""
    conv, norm = layer.conv, layer.norm
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride,
                       conv.padding)
    weight = conv.weight.detach().double() * scale[:, None, None, None]
    bias = norm.bias.detach().double() - norm.running_mean.double() * scale
    folded.weight, folded.bias = (nn.Parameter(x.float(), requires_grad=False)
                                  for x in (weight, bias))
    return folded
