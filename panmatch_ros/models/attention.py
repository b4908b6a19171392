"""Attention of the matcher (FlowFormer, arXiv 2203.16194, Sec. 3.2)."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import PanMatchConfig
from .layers import attend, over_batch, pixel_grid, position_encoding

WINDOW = 7      # of local attention, cells
REDUCTION = 4   # of keys and values in global attention
MLP_RATIO = 4
BLOCK_TOKENS = 1 << 14  # tokens of a hidden map that stay in the cache of a CPU core


class TokenAttention(nn.Module):
    """
    Multi-head attention between tokens, then a feed-forward layer; pre-norm, residual.

    :param dim: of the queries and of the result.
    :param source_dim: of the keys' source.
    :param heads: of the attention.
    :param keeps_query: join query and message before the projection, and leave the query to
        the caller to normalise and to encode (the cross attention of the decoder).
    """

    def __init__(self, dim: int, source_dim: int, heads: int, keeps_query: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(source_dim, dim)
        self.value = nn.Linear(source_dim, dim)
        self.projection = nn.Linear(2 * dim if keeps_query else dim, dim)
        self.ffn = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))
        self.heads = heads

    def forward(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        """
        Refine tokens.

        :param x: (B, N, C).
        :param source: (B, M, S); the normalised tokens themselves if not given.
        :returns: (B, N, C).
        """
        query = self.norm1(x)
        source = query if source is None else source
        message = attend(self.query(query), self.key(source), self.value(source), self.heads)
        x = x + self.projection(message)
        return x + self.ffn(self.norm2(x))


class SpatialAttention(nn.Module):
    """
    Attention over the image plane, apart for each latent token (Twins, arXiv 2104.13840).

    :param config: of the network.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        self.local_block = SpatialBlock(LocalAttention(config), config.latent_dim)
        self.global_block = SpatialBlock(GlobalAttention(config), config.latent_dim)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, h, w, D) tokens and (B, h, w, C) context to (B, T, h, w, D)."""
        return self.global_block(self.local_block(x, context), context)


class SpatialBlock(nn.Module):
    """Attention and an MLP, each with pre-norm and residual."""

    def __init__(self, attention: 'ContextAttention', dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = attention
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, MLP_RATIO * dim), nn.GELU(),
                                 nn.Linear(MLP_RATIO * dim, dim))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, h, w, D) tokens and (B, h, w, C) context to (B, T, h, w, D)."""
        x = x + self.attention(self.norm1(x), context)
        tokens = over_batch(lambda part: part + self.mlp(self.norm2(part)), x.flatten(0, -2),
                            BLOCK_TOKENS)
        return tokens.view_as(x)


class ContextAttention(nn.Module):
    """
    What both attentions share: queries and keys of tokens joined with context and position.

    A linear layer of joined inputs is the sum of linear layers. The context is the same for
    all T latent tokens and the position for all images, so their parts are computed once.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        dim, joined = config.latent_dim, config.latent_dim + config.context_dim
        self.context = nn.Linear(config.embed_dim, config.context_dim)
        self.query = nn.Linear(joined, dim)
        self.value = nn.Linear(dim, dim)
        self.projection = nn.Linear(dim, dim)
        self.heads, self.dim, self.joined = config.attention_heads, dim, joined
        self.pi = 3.14 if config.reference_quirks else torch.pi

    def join(self, layer: nn.Linear, x: Tensor, context: Tensor) -> Tensor:
        """``layer`` of tokens (B, T, h, w, D) joined with (B, h, w, C'), without its bias."""
        weight_x, weight_context = layer.weight.split([self.dim, self.joined - self.dim], dim=1)
        return F.linear(x, weight_x) + F.linear(context, weight_context)[:, None]

    def at(self, layer: nn.Linear, grid: Tensor) -> Tensor:
        """``layer``, with its bias, of the encoded coordinates (h, w, 2); (h, w, D)."""
        encoding = position_encoding(grid, layer.in_features, self.pi)
        return layer(encoding.to(layer.weight.dtype))


class LocalAttention(ContextAttention):
    """
    Attention inside windows of 7x7.

    The map is filled up with zeros after normalisation; what was filled in takes part as keys
    and values, as in the reference: the weights were trained so.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__(config)
        self.key = nn.Linear(self.joined, config.latent_dim)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, h, w, D) tokens and (B, h, w, C) context to (B, T, h, w, D)."""
        height, width = x.shape[2:4]
        context = self.context(context)
        grid = pixel_grid(WINDOW, WINDOW, x)
        query, key = (windows(self.join(layer, x, context)) + self.at(layer, grid).flatten(0, 1)
                      for layer in (self.query, self.key))
        value = windows(F.linear(x, self.value.weight)) + self.value.bias
        message = attend(query, key, value, self.heads)       # (B T n, 49, D)
        return self.projection(from_windows(message, x.shape[:2], (height, width)))


class GlobalAttention(ContextAttention):
    """Attention of every cell to all cells of a four times coarser map."""

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__(config)
        dim = config.latent_dim
        self.key = nn.Linear(dim, dim)
        self.reduce_key = nn.Conv2d(self.joined, dim, REDUCTION, stride=REDUCTION)
        self.reduce_value = nn.Conv2d(dim, dim, REDUCTION, stride=REDUCTION)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, h, w, D) tokens and (B, h, w, C) context to (B, T, h, w, D)."""
        batch, tokens, height, width, dim = x.shape
        context = self.context(context)
        query = self.join(self.query, x, context) + self.at(self.query,
                                                           pixel_grid(height, width, x))
        weight_x, weight_context = self.reduce_key.weight.split(
            [dim, self.joined - dim], dim=1)
        reduced_context = reduce(context, weight_context, self.reduce_key.bias)
        x = x.flatten(0, 1)                                   # (B T, h, w, D)
        key = reduce(x, weight_x).unflatten(0, (batch, tokens)) + reduced_context[:, None]
        value = self.norm(reduce(x, self.reduce_value.weight, self.reduce_value.bias))
        grid = pixel_grid(key.shape[2], key.shape[3], x, step=REDUCTION)
        encoding = position_encoding(grid, dim, self.pi).to(key.dtype)
        key = self.key(self.norm(key) + encoding)             # (B, T, h / 4, w / 4, D)
        message = attend(query.flatten(0, 1).flatten(1, 2), key.flatten(0, 1).flatten(1, 2),
                         self.value(value).flatten(1, 2), self.heads)
        return self.projection(message).view(batch, tokens, height, width, dim)


def windows(x: Tensor) -> Tensor:
    """(B, T, h, w, D) to (B T n, 49, D): windows of 7x7, zeros where they leave the map."""
    height, width, dim = x.shape[2:]
    x = F.pad(x, (0, 0, 0, -width % WINDOW, 0, -height % WINDOW))
    x = x.reshape(-1, x.shape[2] // WINDOW, WINDOW, x.shape[3] // WINDOW, WINDOW, dim)
    return x.transpose(2, 3).reshape(-1, WINDOW ** 2, dim)


def from_windows(x: Tensor, batch: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """(B T n, 49, D) to (B, T, h, w, D): undo :func:`windows`."""
    height, width = size
    down, across = -(-height // WINDOW), -(-width // WINDOW)
    x = x.reshape(*batch, down, across, WINDOW, WINDOW, -1).transpose(3, 4)
    x = x.reshape(*batch, down * WINDOW, across * WINDOW, -1)
    return x[:, :, :height, :width]


def reduce(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve (B, h, w, D), filled up with zeros, to (B, h / 4, w / 4, D)."""
    x = x.permute(0, 3, 1, 2)
    x = F.pad(x, (0, -x.shape[3] % REDUCTION, 0, -x.shape[2] % REDUCTION))
    return F.conv2d(x, weight, bias, stride=REDUCTION).permute(0, 2, 3, 1)
