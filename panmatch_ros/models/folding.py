"""Make a trained network cheaper without changing its numbers."""
import copy

import torch
from torch import nn

from .cost_decoder import CostDecoder
from .dinov2 import Block, DinoV2, Mlp, SwiGLU
from .folded.cost_encoder import FoldedCostEncoder
from .folded.embedding import FoldedEmbedding
from .folded.feature_pyramid import FoldedLevel
from .layers import ConvNeXtBlock
from .panmatch import PanMatch


@torch.no_grad()
def fold_for_inference(model: PanMatch) -> PanMatch:
    """
    Fold what is constant for a trained network.

    - Scales of residual branches (LayerScale, ConvNeXt's gamma, GMA's gamma) go into the
      weights before them, the batch normalisation into the patch layer of the cost tokenizer.
    - Convolutions in a row without anything between them become one; see ``models.folded``.
    - The queries of the latent tokens go into the keys' weights.
    - DINOv2 blocks behind the last hook go.

    :param model: a trained network; it is left as it is, and shares the weights that stay.
    :returns: a network of the same contract in evaluation mode, with the same numbers up to
        rounding. Its weights cannot be trained, nor saved as a checkpoint.
    """
    folded = shared_copy(model).eval()
    for module in folded.modules():
        if isinstance(module, ConvNeXtBlock):
            fold_convnext(module)
        elif isinstance(module, Block):
            fold_block(module)
        elif isinstance(module, CostDecoder):
            scale = module.aggregator.gamma
            module.aggregator.value.weight = constant(module.aggregator.value.weight * scale)
            module.aggregator.gamma = constant(torch.ones_like(scale))
    drop_unused_blocks(folded.backbone)
    folded.feature_pyramid.levels = nn.ModuleList(
        FoldedLevel(level) for level in folded.feature_pyramid.levels)
    folded.matching = FoldedEmbedding(folded.matching)
    folded.context = FoldedEmbedding(folded.context)
    folded.cost_encoder = FoldedCostEncoder(folded.cost_encoder)
    return folded.requires_grad_(False)


def shared_copy(model: PanMatch) -> PanMatch:
    """
    Copy a network without its numbers: they have the memory of the originals.

    Parameters are objects of their own: to move or freeze the copy does not move or freeze the
    original.
    """
    shared: dict[int, torch.Tensor] = {id(each): constant(each) for each in model.parameters()}
    shared |= {id(each): each.detach() for each in model.buffers()}
    return copy.deepcopy(model, shared)


def fold_convnext(block: ConvNeXtBlock) -> None:
    """Scale the last layer of the MLP instead of its result."""
    assert block.gamma is not None
    block.reduce.weight = constant(block.reduce.weight * block.gamma[:, None])
    block.reduce.bias = constant(block.reduce.bias * block.gamma)
    block.gamma = None


def fold_block(block: Block) -> None:
    """Scale the last layers of attention and MLP instead of their results."""
    assert isinstance(block.mlp, Mlp | SwiGLU)
    last = block.mlp.w3 if isinstance(block.mlp, SwiGLU) else block.mlp.fc2
    for layer, scale in ((block.attn.proj, block.ls1.gamma), (last, block.ls2.gamma)):
        layer.weight = constant(layer.weight * scale[:, None])
        layer.bias = constant(layer.bias * scale)
    block.ls1, block.ls2 = nn.Identity(), nn.Identity()


def drop_unused_blocks(backbone: DinoV2) -> None:
    """Keep the blocks that a hook sees."""
    backbone.blocks = backbone.blocks[:backbone.hooks[-1] + 1]
    del backbone.norm, backbone.mask_token


def constant(value: torch.Tensor) -> nn.Parameter:
    """Wrap a computed weight."""
    return nn.Parameter(value, requires_grad=False)
