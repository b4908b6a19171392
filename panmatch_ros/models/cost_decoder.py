"""Recurrent regression of the displacement from the cost memory (FlowFormer Sec. 3.3)."""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import TokenAttention
from .config import PanMatchConfig
from .cost_lookup import WINDOW, convex_upsample, cost_window
from .layers import attend, full_precision, pixel_grid, position_encoding
from .update_block import FlowHead, MotionAggregator, MotionAttention, MotionEncoder, SepConvGRU

CELL_PX = 8  # edge of a cell of the 1/8 grid


class Prediction(NamedTuple):
    """What the network says about an image pair."""

    flow: Tensor               # (B, 2, H, W) float32, pixels, x and y
    confidence: Tensor | None  # (B, 1, H, W) float32 in [0, 1], if the network has the head


class CostDecoder(nn.Module):
    """
    Refine the displacement in a fixed number of recurrent updates.

    :param config: of the network.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        hidden, query = config.hidden_dim, config.query_dim
        self.context_projection = nn.Conv2d(config.embed_dim, config.embed_dim, 1)
        self.motion_attention = MotionAttention(hidden)
        self.query_encoder = nn.Sequential(nn.Conv2d(WINDOW ** 2, query, 1), nn.GELU(),
                                           nn.Conv2d(query, query, 1))
        self.cross_attention = CostAttention(config)
        self.motion_encoder = MotionEncoder(query + WINDOW ** 2, hidden)
        self.aggregator = MotionAggregator(hidden)
        self.gru = SepConvGRU(hidden, hidden, 2 * hidden)
        self.flow_head = FlowHead(hidden)
        self.mask_head = nn.Sequential(nn.Conv2d(hidden, 2 * hidden, 3, padding=1), nn.ReLU(),
                                       nn.Conv2d(2 * hidden, 9 * CELL_PX ** 2, 1))
        if config.confidence_head:
            self.confidence_head = nn.Sequential(
                nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1), nn.ReLU(),
                nn.Conv2d(2 * hidden, 4, 3, padding=1))
        self.config = config

    def forward(self, volume: Tensor, memory: Tensor, context: Tensor,
                flow_init: Tensor | None = None) -> Prediction:
        """
        Regress the displacement.

        :param volume: (B, h w, h w) cost volume.
        :param memory: (B h w, T, D) of the cost encoder.
        :param context: (B, C, h, w) of image 0.
        :param flow_init: (B, 2, 8 h, 8 w) a first guess, pixels.
        :returns: flow and confidence of 8 h x 8 w pixels.
        """
        *_, last = self.predictions(volume, memory, context, flow_init)
        return last

    def predictions(self, volume: Tensor, memory: Tensor, context: Tensor,
                    flow_init: Tensor | None = None, every: bool = False) -> list[Prediction]:
        """
        Like :meth:`forward`, with the upsampled result of every iteration if ``every``.

        Training needs all of them; otherwise only the last one is upsampled.
        """
        state, constant = self.context_projection(context).chunk(2, dim=1)
        state, constant = state.tanh(), constant.relu()
        attention = self.motion_attention(constant)
        gru_terms = self.gru.prepare(constant)
        keys, values = self.cross_attention.read(memory)
        origin = pixel_grid(context.shape[2], context.shape[3], context).permute(2, 0, 1)[None]
        coords = origin.expand(len(context), -1, -1, -1)
        if flow_init is not None:
            coords = coords + to_cells(flow_init)

        predictions = []
        for iteration in range(self.config.iterations):
            window = cost_window(volume, coords, transposed=self.config.reference_quirks)
            query = self.query_encoder(window)
            message = self.cross_attention(query, keys, values, coords)
            motion = self.motion_encoder(coords - origin, torch.cat([message, window], dim=1))
            motion = torch.cat([motion, self.aggregator(motion, attention)], dim=1)
            state = self.gru(state, motion, gru_terms)
            delta, hidden = self.flow_head(state)
            coords = coords + full_precision(delta)
            if every or iteration == self.config.iterations - 1:
                predictions.append(self.upsample(coords - origin, state, hidden))
        return predictions

    def upsample(self, flow: Tensor, state: Tensor, hidden: Tensor) -> Prediction:
        """From cells (B, 2, h, w) to pixels (B, 2, 8 h, 8 w), with confidence."""
        mask = 0.25 * self.mask_head(state)
        fine = convex_upsample(CELL_PX * flow, mask, CELL_PX)
        if not self.config.confidence_head:
            return Prediction(fine, None)
        # The chance that the error is of the narrow one of two Laplace distributions.
        logits = convex_upsample(self.confidence_head(hidden)[:, :2], mask, CELL_PX)
        return Prediction(fine, logits.softmax(dim=1)[:, 1:])


class CostAttention(TokenAttention):
    """
    Let each pixel read its own cost memory with its current cost window as the query.

    :param config: of the network.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__(config.query_dim, config.latent_dim, config.attention_heads,
                         keeps_query=True)
        self.pi = 3.14 if config.reference_quirks else torch.pi

    def read(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (N, T, Q) of the memory (N, T, D); the same in all iterations."""
        return self.key(memory), self.value(memory)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor,  # type: ignore[override]
                coords: Tensor) -> Tensor:
        """
        Read the memory.

        :param query: (B, Q, h, w).
        :param keys: (B h w, T, Q), of :meth:`read`.
        :param values: (B h w, T, Q).
        :param coords: (B, 2, h, w) current positions in image 1, cells; they are encoded.
        :returns: (B, Q, h, w).
        """
        batch, dim, height, width = query.shape
        x = query.permute(0, 2, 3, 1)
        encoding = position_encoding(coords.permute(0, 2, 3, 1), dim, self.pi).to(x.dtype)
        asked = self.query(self.norm1(x) + encoding).reshape(-1, 1, dim)
        message = attend(asked, keys, values, self.heads).view(batch, height, width, dim)
        x = x + self.projection(torch.cat([message, x], dim=-1))
        x = x + self.ffn(self.norm2(x))
        return x.permute(0, 3, 1, 2)


def to_cells(flow: Tensor) -> Tensor:
    """(B, 2, 8 h, 8 w) pixels to (B, 2, h, w) cells."""
    height, width = flow.shape[2:]
    return F.interpolate(flow / CELL_PX, size=(height // CELL_PX, width // CELL_PX),
                         mode='bilinear', align_corners=True)
