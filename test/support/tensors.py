"""Reproducible tensors, and plain formulas that parts of the network are compared with."""
import numpy as np
import torch


def random(*shape, seed=0, dtype=torch.float64):
    """Make normally distributed numbers."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def assert_close(ours, expected, atol=1e-10):
    """Compare shapes and values; the largest absolute difference counts."""
    assert ours.shape == expected.shape
    difference = (ours.double() - expected.double()).abs().max().item()
    assert difference <= atol, f'largest difference {difference:.2e}, at most {atol:.0e}'


def normalise(x, layer, dim=-1):
    """Layer normalisation of one axis, by its formula."""
    x = x.movedim(dim, -1)
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    x = (x - mean) / (variance + layer.eps).sqrt() * layer.weight + layer.bias
    return x.movedim(-1, dim)


def gelu(x):
    """Exact, not its tanh approximation."""
    return x * 0.5 * (1 + torch.erf(x / 2 ** 0.5))


def attention(query, key, value, heads):
    """Attention of (N, C) queries over (M, C) keys and values, head by head."""
    size = query.shape[1] // heads
    parts = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        logits = query[:, part] @ key[:, part].T / size ** 0.5
        weights = logits.exp() / logits.exp().sum(1, keepdim=True)
        parts.append(weights @ value[:, part])
    return torch.cat(parts, dim=1)


def encode_position(x, y, channels, pi=3.14):
    """Sines and cosines of one position, as a list."""
    steps = [pi * k / 200 for k in range(channels // 4)]
    return torch.tensor([*(np.sin(x * a) for a in steps), *(np.cos(x * a) for a in steps),
                         *(np.sin(y * a) for a in steps), *(np.cos(y * a) for a in steps)],
                        dtype=torch.float64)


def convnext(x, block):
    """Compute a ConvNeXt block of a map (B, C, H, W) by its formula."""
    y = torch.nn.functional.conv2d(x, block.depthwise.weight, block.depthwise.bias, padding=3,
                                   groups=x.shape[1])
    y = normalise(y, block.norm, dim=1).movedim(1, -1)
    y = gelu(y @ block.expand.weight.T + block.expand.bias)
    y = y @ block.reduce.weight.T + block.reduce.bias
    return x + (block.gamma * y).movedim(-1, 1)
