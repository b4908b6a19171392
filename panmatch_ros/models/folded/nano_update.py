"""Refinement of nano in the layouts that engines compute fast; one pair at a time."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..convex_upsampling import NEIGHBOURS
from ..nano_update import LOGIT_SCALE, DetailBlock, Transition, UpdateBlock
from .nano_search import FoldedSearch, mean_of_nine, warp_rows

CHANNEL_STEP = 4  # ONNX Runtime leaves its fast layout for other numbers of channels
LARGEST_LOGIT = 80.0  # of the upsampling: far beyond what is learned, and exp stays finite


class FoldedUpdate(nn.Module):
    """
    Correct the flow of one scale by what its window shows, and remember.

    :param block: the trained one; left as it is.
    :param columns: compared at once.
    """

    def __init__(self, block: UpdateBlock, columns: int) -> None:
        super().__init__()
        self.search = FoldedSearch(block.search, columns)
        self.look = constant(block.look.weight[:, :, 0, 0] * LOGIT_SCALE)
        self.look_bias = constant(block.look.bias[:, None])
        self.mix, self.missing = padded_inputs(block.mix)
        self.state, self.head = block.state, block.head

    def forward(self, fmap0: Tensor, fmap1: Tensor, hidden: Tensor, flow: Tensor,
                horizontal: Tensor | None) -> tuple[Tensor, Tensor]:
        """
        Make one correction.

        :returns: the new state, and the new flow; as :class:`UpdateBlock` otherwise.
        """
        logits, offset, certainty = self.search(fmap0, warp_rows(fmap1, flow), flow)
        look = F.relu(self.look @ logits.T + self.look_bias).reshape(1, -1, *fmap0.shape[2:])
        scaled = flow * 0.05
        mixed = F.relu(self.mix(torch.cat(
            [look, hidden, offset, certainty, scaled, *[scaled[:, :1]] * self.missing], dim=1)))
        gate, new = self.state(mixed).chunk(2, dim=1)
        hidden = hidden + torch.sigmoid(gate) * (torch.tanh(new) - hidden)
        change = self.head(hidden)
        updated = flow + change[:, :2] + torch.sigmoid(change[:, 2:3]) * offset
        return hidden, updated if horizontal is None else updated * horizontal


class FoldedDetail(nn.Module):
    """
    Last correction, at 1/2.

    The difference of the features is folded into the layer that takes it.

    :param block: the trained one; left as it is.
    """

    def __init__(self, block: DetailBlock) -> None:
        super().__init__()
        channels = (block.mix.in_channels - 12) // 3
        self.register_buffer('scale', block.search.log_scale.detach().exp())
        self.mix = nn.Conv2d(block.mix.in_channels, block.mix.out_channels, 3, padding=1)
        weight = block.mix.weight.detach().clone()
        weight[:, :channels] -= weight[:, channels:2 * channels]
        weight[:, 3 * channels:3 * channels + 9] *= LOGIT_SCALE
        self.mix.weight, self.mix.bias = constant(weight), block.mix.bias
        self.refine, self.head, self.weights = block.refine, block.head, block.weights

    def forward(self, fmap0: Tensor, fmap1: Tensor, hidden: Tensor, flow: Tensor,
                horizontal: Tensor | None) -> tuple[Tensor, Tensor]:
        """
        Correct the flow at 1/2 and bring it to full size.

        :returns: flow (1, 2, 2h, 2w) in pixels; logit of the confidence (1, 1, 2h, 2w).
        """
        height, width = fmap0.shape[2:]
        warped = warp_rows(fmap1, flow).permute(2, 0, 1)[None]
        padded = F.pad(warped, (1, 1, 1, 1))
        penalty = -0.5 * padded.square().sum(1, keepdim=True)
        logits = torch.cat([(fmap0 * padded[:, :, y:y + height, x:x + width]).sum(1, keepdim=True)
                            + penalty[:, :, y:y + height, x:x + width]
                            for y in range(3) for x in range(3)], dim=1) * self.scale
        logits = logits - logits.amax(1, keepdim=True)
        offset, certainty = mean_of_nine(logits[0].flatten(1), flow)
        x = torch.cat([fmap0, warped, hidden, logits, offset, certainty], dim=1)
        x = F.relu(self.refine(F.relu(self.mix(x))))
        change = self.head(x)
        updated = flow + change[:, :2] + torch.sigmoid(change[:, 2:3]) * offset
        if horizontal is not None:
            updated = updated * horizontal
        full = upsample(torch.cat([updated * 2, change[:, 3:]], dim=1), self.weights(x))
        return full[:, :2], full[:, 2:]


class FoldedTransition(nn.Module):
    """
    Take flow and state to the next finer scale.

    :param transition: the trained one; left as it is.
    """

    def __init__(self, transition: Transition) -> None:
        super().__init__()
        self.weights, self.carry = transition.weights, transition.carry

    def flow(self, hidden: Tensor, flow: Tensor) -> Tensor:
        """(1, 2, h, w) to (1, 2, 2h, 2w), pixels of each scale."""
        return upsample(flow * 2, self.weights(hidden))

    def state(self, hidden: Tensor) -> Tensor:
        """(1, coarse, h, w) to (1, fine, 2h, 2w)."""
        return F.interpolate(self.carry(hidden), scale_factor=2.0, mode='nearest')


def upsample(values: Tensor, logits: Tensor) -> Tensor:
    """As :func:`~panmatch_ros.models.convex_upsampling.convex_upsample`, for bounded logits."""
    height, width = values.shape[2:]
    values, logits = values.float(), logits.float()  # exp leaves the range of 16 bits
    padded = torch.cat([values[..., :1], values, values[..., -1:]], dim=-1)
    padded = torch.cat([padded[..., :1, :], padded, padded[..., -1:, :]], dim=-2)[:, :, None]
    parts = torch.exp(logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT))[:, None].split(4, dim=2)
    total, weighted = parts[0], parts[0] * padded[..., :height, :width]
    for i in range(1, NEIGHBOURS):
        total = total + parts[i]
        weighted = weighted + parts[i] * padded[..., i // 3:i // 3 + height,
                                                i % 3:i % 3 + width]
    return F.pixel_shuffle((weighted / total).flatten(1, 2), 2)


def padded_inputs(conv: nn.Conv2d) -> tuple[nn.Conv2d, int]:
    """Give a convolution that takes further channels and ignores them, and their number."""
    missing = -conv.in_channels % CHANNEL_STEP
    padded = nn.Conv2d(conv.in_channels + missing, conv.out_channels, conv.kernel_size,
                       conv.stride, conv.padding)
    padded.weight = constant(F.pad(conv.weight.detach(), (0, 0, 0, 0, 0, missing)))
    padded.bias = conv.bias
    return padded, missing


def constant(value: Tensor) -> nn.Parameter:
    """Wrap a computed weight."""
    return nn.Parameter(value.detach().contiguous(), requires_grad=False)
