"""The recurrent part of the decoder: motion features, GRU, heads (RAFT; GMA, arXiv 2104.02409)."""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import full_precision, single_precision


class MotionEncoder(nn.Module):
    """
    Describe cost and flow of every pixel.

    :param cost_channels: of the cost features.
    :param dim: of the result.
    """

    def __init__(self, cost_channels: int, dim: int) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(cost_channels, 2 * dim, 1)
        self.convc2 = nn.Conv2d(2 * dim, 3 * dim // 2, 3, padding=1)
        self.convf1 = nn.Conv2d(2, dim, 7, padding=3)
        self.convf2 = nn.Conv2d(dim, dim // 2, 3, padding=1)
        self.conv = nn.Conv2d(2 * dim, dim - 2, 3, padding=1)

    def forward(self, flow: Tensor, cost: Tensor) -> Tensor:
        """(B, 2, h, w) and (B, K, h, w) to (B, D, h, w), whose last two channels are the flow."""
        cost = self.convc2(self.convc1(cost).relu()).relu()
        motion = self.convf2(self.convf1(flow).relu()).relu()
        motion = self.conv(torch.cat([cost, motion], dim=1)).relu()
        return torch.cat([motion, flow], dim=1)


class MotionAttention(nn.Module):
    """
    Which pixels look alike and so may share their motion (GMA Sec. 3.2).

    :param dim: of the context, of queries and of keys.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query_key = nn.Conv2d(dim, 2 * dim, 1, bias=False)

    def forward(self, context: Tensor) -> Tensor:
        """(B, C, h, w) to (B, h w, h w): weights that sum to one in each row; float32."""
        query, key = full_precision(self.query_key(context)).flatten(2).chunk(2, dim=1)
        with single_precision(context):
            return ((query * query.shape[1] ** -0.5).transpose(1, 2) @ key).softmax(dim=-1)


class MotionAggregator(nn.Module):
    """Add the motion of alike pixels (GMA Sec. 3.3)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.value = nn.Conv2d(dim, dim, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, motion: Tensor, attention: Tensor) -> Tensor:
        """(B, D, h, w) and (B, h w, h w) to (B, D, h, w)."""
        value = self.value(motion).flatten(2).transpose(1, 2)            # (B, h w, D)
        message = (attention.to(value.dtype) @ value).transpose(1, 2)
        return motion + self.gamma * message.reshape(motion.shape)


class GruTerms(NamedTuple):
    """Parts of a GRU pass that the iterations share."""

    from_input: Tensor     # (B, 3 D, h, w): what the constant input adds to z, r and q
    motion_weight: Tensor  # of the changing input for z, r and q
    gates_weight: Tensor   # of the state for z and r
    state_weight: Tensor   # of the reset state for q
    padding: tuple[int, int]


class SepConvGRU(nn.Module):
    """
    A convolutional GRU, first along rows, then along columns (RAFT Sec. 3.3).

    The reference convolves the joined state, context and motion anew in every iteration. A
    convolution of joined maps is the sum of convolutions, so the part of the context, which
    never changes, is computed once, and z, r and q share one convolution of the motion.

    :param hidden: channels of the state.
    :param constant: channels of the input that stays the same.
    :param changing: channels of the input that changes.
    """

    def __init__(self, hidden: int, constant: int, changing: int) -> None:
        super().__init__()
        joined = hidden + constant + changing
        self.parts = [hidden, constant, changing]
        for step, (kernel, padding) in enumerate((((1, 5), (0, 2)), ((5, 1), (2, 0))), start=1):
            for gate in 'zrq':
                setattr(self, f'conv{gate}{step}',
                        nn.Conv2d(joined, hidden, kernel, padding=padding))

    def prepare(self, constant: Tensor) -> list[GruTerms]:
        """Compute what all iterations share; one entry for rows, one for columns."""
        terms = []
        for step in (1, 2):
            gates = [getattr(self, f'conv{gate}{step}') for gate in 'zrq']
            state, fixed, motion = zip(*(gate.weight.split(self.parts, dim=1)
                                         for gate in gates), strict=True)
            padding = gates[0].padding
            bias = torch.cat([gate.bias for gate in gates])
            from_input = F.conv2d(constant, torch.cat(fixed), bias, padding=padding)
            terms.append(GruTerms(from_input, torch.cat(motion), torch.cat(state[:2]),
                                  state[2], padding))
        return terms

    def forward(self, state: Tensor, motion: Tensor, terms: list[GruTerms]) -> Tensor:
        """
        Update the state.

        :param state: (B, D, h, w).
        :param motion: (B, M, h, w), the changing input.
        :param terms: of :meth:`prepare`.
        """
        for each in terms:
            inputs = each.from_input + F.conv2d(motion, each.motion_weight, padding=each.padding)
            inputs_gates, inputs_new = inputs.split([2 * state.shape[1], state.shape[1]], dim=1)
            gates = inputs_gates + F.conv2d(state, each.gates_weight, padding=each.padding)
            update, reset = gates.sigmoid().chunk(2, dim=1)
            new = inputs_new + F.conv2d(reset * state, each.state_weight, padding=each.padding)
            state = (1 - update) * state + update * new.tanh()
        return state


class FlowHead(nn.Module):
    """From the state to a change of the flow; the hidden map also feeds the confidence."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dim, 2 * dim, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * dim, 2, 3, padding=1)

    def forward(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D, h, w) to (B, 2, h, w) in cells, and the hidden map (B, 2 D, h, w)."""
        hidden = self.conv1(state).relu()
        return self.conv2(hidden), hidden
