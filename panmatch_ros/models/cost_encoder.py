"""From the cost volume to a few latent tokens for each pixel (FlowFormer Sec. 3.2)."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import SpatialAttention, TokenAttention
from .config import PanMatchConfig
from .layers import full_precision, over_batch, pixel_grid, position_encoding, single_precision

PATCH = 8  # of the cost map of a pixel, cells
PIXELS_AT_ONCE = 512  # whose cost tokens stay in memory together


def correlation_volume(fmap0: Tensor, fmap1: Tensor) -> Tensor:
    """
    Compare every cell of map 0 with every cell of map 1.

    No scale and no normalisation, in float32.

    :param fmap0: (B, C, h, w).
    :param fmap1: (B, C, h, w).
    :returns: (B, h w, h w): rows are cells of map 0. Its transpose is the volume of the
        opposite direction.
    """
    with single_precision(fmap0):
        return full_precision(fmap0).flatten(2).transpose(1, 2) @ full_precision(fmap1).flatten(2)


class CostEncoder(nn.Module):
    """
    Summarise the cost map of each pixel in T latent tokens.

    :param config: of the network.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        dim, heads = config.latent_dim, config.attention_heads
        self.latent_tokens = nn.Parameter(torch.zeros(1, config.latent_tokens, dim))
        self.tokenizer = CostTokenizer(config)
        self.input_attention = TokenAttention(dim, dim, heads)
        self.latent_attention = nn.ModuleList(
            TokenAttention(dim, dim, heads) for _ in range(config.encoder_depth))
        self.spatial_attention = nn.ModuleList(
            SpatialAttention(config) for _ in range(config.encoder_depth))

    def forward(self, volume: Tensor, context: Tensor) -> Tensor:
        """
        Encode a cost volume.

        :param volume: (B, h w, h w) of :func:`correlation_volume`.
        :param context: (B, C, h, w) of image 0.
        :returns: (B h w, T, D) cost memory, the pixels of image 0 row by row.
        """
        batch, (height, width) = len(volume), context.shape[2:]
        context = context.permute(0, 2, 3, 1)                                 # (B, h, w, C)
        costs = volume.reshape(-1, height, width)
        latents = over_batch(self.latents, costs, PIXELS_AT_ONCE)             # (B h w, T, D)
        x = latents
        for among_latents, across_image in zip(self.latent_attention, self.spatial_attention,
                                               strict=True):
            x = over_batch(among_latents, x, PIXELS_AT_ONCE)
            x = x.unflatten(0, (batch, height, width)).movedim(3, 1)          # (B, T, h, w, D)
            x = across_image(x, context)
            x = x.movedim(1, 3).flatten(0, 2)                                 # (B h w, T, D)
        return x + latents

    def latents(self, costs: Tensor) -> Tensor:
        """Let the latent tokens read cost maps (N, h, w); (N, T, D)."""
        tokens = self.tokenizer(costs)
        return self.input_attention(self.latent_tokens.expand(len(costs), -1, -1), tokens)


class CostTokenizer(nn.Module):
    """Cut a cost map into patches of 8x8 and describe each with its position."""

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        dim, half = config.latent_dim, config.latent_dim // 2
        self.patches = nn.Conv2d(1, half, PATCH, stride=PATCH, bias=False)
        self.batch_norm = nn.BatchNorm2d(half)
        self.ffn = nn.Sequential(nn.Conv2d(2 * half, dim, 1), nn.ReLU(), nn.Conv2d(dim, dim, 1))
        self.norm = nn.LayerNorm(dim)
        self.pi = 3.14 if config.reference_quirks else torch.pi

    def forward(self, costs: Tensor) -> Tensor:
        """(N, h, w) cost maps to (N, M, D) tokens, M patches row by row."""
        x = self.batch_norm(self.patches(pad_to_patches(costs)[:, None]))
        encoding = encode_patches(x.shape[2], x.shape[3], x.shape[1], self.pi, like=x)
        encoding = encoding.permute(2, 0, 1).expand(len(x), -1, -1, -1)
        x = self.ffn(torch.cat([x, encoding], dim=1))
        return self.norm(x.flatten(2).transpose(1, 2))


def encode_patches(height: int, width: int, channels: int, pi: float, like: Tensor) -> Tensor:
    """
    Encode the centres of the patches, in cells.

    :param pi: of :func:`.layers.position_encoding`.
    :param like: gives device and dtype.
    :returns: (height, width, channels).
    """
    grid = pixel_grid(height, width, like, step=PATCH, first=PATCH // 2)
    return position_encoding(grid, channels, pi).to(like.dtype)


def pad_to_patches(costs: Tensor) -> Tensor:
    """Fill (N, h, w) up with zeros to multiples of 8."""
    return F.pad(costs, (0, -costs.shape[2] % PATCH, 0, -costs.shape[1] % PATCH))
