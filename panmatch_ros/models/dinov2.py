"""
The frozen vision backbone: DINOv2 with registers (arXiv 2304.07193, 2309.16588).

Names of the parameters are those of the official weight files.
"""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import PATCH_PX, PanMatchConfig
from .layers import attend, full_precision

NORM_EPS = 1e-6
OFFSET = 0.1  # the models without registers scale their position table by (n + 0.1) / 37


class DinoV2(nn.Module):
    """
    Image tokens from four depths of a vision transformer (PanMatch Sec. 3.1).

    :param config: its ``vit_*`` fields.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        dim, self.grid, self.hooks = config.vit_dim, config.vit_grid, config.vit_hooks
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.grid ** 2, dim))
        if config.vit_registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, config.vit_registers, dim))
        self.mask_token = nn.Parameter(torch.zeros(1, dim))  # for training only
        self.patch_embed = PatchEmbedding(dim)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.vit_depth))
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)          # not used by PanMatch
        self.registers = config.vit_registers
        self.baked_size: tuple[int, int] | None = None
        self.register_buffer('baked_table', None, persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """
        Describe an image at four depths.

        :param image: (B, 3, H, W), ImageNet-normalised, H and W multiples of 14.
        :returns: four (B, C, H/14, W/14): the residual stream after the hooked blocks.
        """
        height, width = image.shape[2] // PATCH_PX, image.shape[3] // PATCH_PX
        x = self.tokens(image)
        maps = []
        for index, block in enumerate(self.blocks[:self.hooks[-1] + 1]):
            x = block(x)
            if index in self.hooks:
                patches = x[:, 1 + self.registers:]
                maps.append(patches.transpose(1, 2).unflatten(2, (height, width)))
        return maps

    def tokens(self, image: Tensor) -> Tensor:
        """(B, 1 + R + N, C): class token, registers (which have no position), patches by row."""
        patches = self.patch_embed(image)
        height, width = patches.shape[2:]
        x = patches.flatten(2).transpose(1, 2)  # (B, N, C)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.positions(height, width)
        if self.registers:
            registers = self.register_tokens.expand(len(x), -1, -1)
            x = torch.cat([x[:, :1], registers, x[:, 1:]], dim=1)
        return x

    def positions(self, height: int, width: int) -> Tensor:
        """
        Resize the position table to the patches of an image.

        :returns: (1, 1 + height * width, C), the class token first.
        """
        if self.baked_size == (height, width):
            return self.baked_table
        if height == width == self.grid:
            return self.pos_embed
        table = full_precision(self.pos_embed[:, 1:]).transpose(1, 2)
        table = table.unflatten(2, (self.grid, self.grid))
        if self.registers:
            table = F.interpolate(table, size=(height, width), mode='bicubic', antialias=True)
        else:  # so the older models were trained
            scale = ((height + OFFSET) / self.grid, (width + OFFSET) / self.grid)
            table = F.interpolate(table, scale_factor=scale, mode='bicubic')
        table = table.flatten(2).transpose(1, 2)
        return torch.cat([self.pos_embed[:, :1], table.to(self.pos_embed.dtype)], dim=1)

    def bake_positions(self, height: int, width: int) -> None:
        """Keep the table of one image size: engines have no antialiased bicubic resize."""
        size = height // PATCH_PX, width // PATCH_PX
        self.baked_table = self.positions(*size).detach().clone()
        self.baked_size = size


class PatchEmbedding(nn.Module):
    """A linear map of 14x14 patches."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, PATCH_PX, stride=PATCH_PX)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C, H/14, W/14)."""
        return self.proj(image)


class Block(nn.Module):
    """Attention and a feed-forward layer, each with pre-norm and a scaled residual."""

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        dim = config.vit_dim
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.attn = Attention(dim, config.vit_heads)
        self.ls1 = LayerScale(dim)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.mlp: nn.Module = (SwiGLU(dim, config.vit_swiglu_dim) if config.vit_ffn == 'swiglu'
                               else Mlp(dim))
        self.ls2 = LayerScale(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Refine tokens (B, N, C)."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """Mix tokens (B, N, C)."""
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        return self.proj(attend(query, key, value, self.heads))


class LayerScale(nn.Module):
    """A factor for each channel."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Scale (..., C)."""
        return x * self.gamma


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Act on each token of (..., C)."""
        return self.fc2(F.gelu(self.fc1(x)))


class SwiGLU(nn.Module):
    """Gated feed-forward layer of the giant model; the first half is the gate."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(dim, 2 * hidden)
        self.w3 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Act on each token of (..., C)."""
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(F.silu(gate) * value)
