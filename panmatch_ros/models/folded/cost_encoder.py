"""The cost encoder with all constant parts of its first attention folded."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..cost_encoder import PATCH, CostEncoder, CostTokenizer, encode_patches, pad_to_patches
from ..layers import full_precision


class FoldedTokenizer(nn.Module):
    """
    Tokens of cost maps, up to the affine part of the last normalisation.

    Patch layer, batch normalisation and the first layer of the MLP are linear in a row, so
    they are one layer; the position enters as a bias for each patch.

    :param tokenizer: the trained one; left as it is.
    """

    def __init__(self, tokenizer: CostTokenizer) -> None:
        super().__init__()
        norm, first, last = tokenizer.batch_norm, tokenizer.ffn[0], tokenizer.ffn[2]
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        shift = norm.bias - norm.running_mean * scale
        patches = tokenizer.patches.weight.flatten(1) * scale[:, None]       # (half, 64)
        on_costs, on_position = first.weight[..., 0, 0].chunk(2, dim=1)
        self.weight = nn.Parameter(on_costs @ patches)                       # (D, 64)
        self.bias = nn.Parameter(first.bias + on_costs @ shift)
        self.position_weight = nn.Parameter(on_position.clone())
        self.last_weight = nn.Parameter(last.weight[..., 0, 0].clone())
        self.last_bias = nn.Parameter(last.bias.clone())
        self.pi, self.eps = tokenizer.pi, tokenizer.norm.eps

    def forward(self, costs: Tensor) -> Tensor:
        """(N, h, w) cost maps to (N, M, D) normalised tokens."""
        costs = pad_to_patches(costs)
        rows, columns = costs.shape[1] // PATCH, costs.shape[2] // PATCH
        patches = costs.view(-1, rows, PATCH, columns, PATCH).transpose(2, 3)
        patches = patches.reshape(-1, rows * columns, PATCH ** 2)            # (N, M, 64)
        encoding = encode_patches(rows, columns, self.position_weight.shape[1], self.pi,
                                  like=self.bias)
        bias = F.linear(encoding, self.position_weight, self.bias)
        x = (F.linear(patches, self.weight) + bias.flatten(0, 1)).relu()
        x = F.linear(x, self.last_weight, self.last_bias)
        return F.layer_norm(x, x.shape[-1:], eps=self.eps)


class FoldedCostEncoder(CostEncoder):
    """
    A cost encoder whose latent tokens read the cost maps at a lower price.

    Their queries do not depend on the image. Folded into the keys' weights they give the
    logits straight from the tokens, T x heads numbers for each instead of a key; values are
    made after the weighted sum, for T x heads sums instead of for every token.

    :param encoder: the trained cost encoder; left as it is.
    """

    def __init__(self, encoder: CostEncoder) -> None:
        nn.Module.__init__(self)
        attention, tokens = encoder.input_attention, encoder.latent_tokens
        norm, self.heads = encoder.tokenizer.norm, attention.heads
        self.tokenizer = FoldedTokenizer(encoder.tokenizer)
        query = attention.query(attention.norm1(tokens[0])).unflatten(-1, (self.heads, -1))
        key = attention.key.weight.unflatten(0, (self.heads, -1))            # (H, d, D)
        # Biases of the keys add the same to all logits of a query, which softmax ignores.
        logits = torch.einsum('thd,hdc->htc', query, key) * query.shape[-1] ** -0.5
        self.logit_weight = nn.Parameter((logits * norm.weight).flatten(0, 1))
        value = attention.value.weight * norm.weight
        self.value_weight = nn.Parameter(value.unflatten(0, (self.heads, -1)).transpose(1, 2)
                                         .contiguous())                      # (H, D, d)
        # The weights of a sum add up to one, so the values' bias passes through it.
        bias = attention.value.bias + attention.value.weight @ norm.bias
        self.start = nn.Parameter(tokens + attention.projection(bias))
        self.projection_weight = nn.Parameter(attention.projection.weight.clone())
        self.ffn, self.norm = attention.ffn, attention.norm2
        self.latent_attention = encoder.latent_attention
        self.spatial_attention = encoder.spatial_attention

    def latents(self, costs: Tensor) -> Tensor:
        """Let the latent tokens read cost maps (N, h, w); (N, T, D)."""
        tokens = self.tokenizer(costs)                                       # (N, M, D)
        weights = full_precision(F.linear(tokens, self.logit_weight)).softmax(dim=1)
        sums = weights.to(tokens.dtype).transpose(1, 2) @ tokens             # (N, H T, D)
        sums = sums.unflatten(1, (self.heads, -1)).transpose(0, 1).flatten(1, 2)
        message = torch.bmm(sums, self.value_weight)                         # (H, N T, d)
        message = message.transpose(0, 1).flatten(1)                         # (N T, D)
        message = F.linear(message, self.projection_weight)
        x = self.start + message.view(len(costs), -1, message.shape[-1])
        return x + self.ffn(self.norm(x))

