"""
PanMatch (arXiv 2507.08400): one displacement field for every two-frame task.

Backbone tokens are upsampled under the guidance of the image, merged into a pyramid, and fused
into one map of matching features. Their correlation and the context of image 0 go through the
cost encoder and the recurrent decoder of FlowFormer.
"""
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core.errors import ShapeError
from .config import LEVELS, SIZE_MULTIPLE, PanMatchConfig
from .cost_decoder import CostDecoder, Prediction
from .cost_encoder import CostEncoder, correlation_volume
from .dinov2 import DinoV2
from .embedding import Embedding
from .feature_pyramid import FeaturePyramid
from .guide_net import GuideNet
from .guided_upsampling import BilinearUpsampling, GuidedUpsampling
from .layers import full_precision, single_precision, worth_splitting


class Features(NamedTuple):
    """What one image contributes; independent of the other image."""

    pyramid: tuple[Tensor, ...]  # four (B, C, .., ..) at 1/2, 1/4, 1/8, 1/16
    fmap: Tensor                 # (B, D, H/8, W/8)

    def of(self, first: int, last: int) -> 'Features':
        """Features of a part of the batch."""
        return Features(tuple(x[first:last] for x in self.pyramid), self.fmap[first:last])


class PanMatch(nn.Module):
    """
    The network.

    :param config: its form.
    """

    def __init__(self, config: PanMatchConfig) -> None:
        super().__init__()
        self.config = config
        features = config.features
        self.backbone = DinoV2(config)
        self.compression = nn.ModuleList(
            Compression(config.vit_dim, features) for _ in range(LEVELS))
        self.guide_net = GuideNet(features)
        self.guided_upsampling = nn.ModuleList(
            GuidedUpsampling(features, config.guide_heads) if config.guided_upsampling
            else BilinearUpsampling() for _ in range(LEVELS))
        self.feature_pyramid = FeaturePyramid(features)
        self.matching = Embedding(features, config.embed_dim)
        self.context = Embedding(features, config.embed_dim)
        self.cost_encoder = CostEncoder(config)
        self.decoder = CostDecoder(config)

    def forward(self, image0: Tensor, image1: Tensor,
                flow_init: Tensor | None = None) -> Prediction:
        """
        Match two images, or several pairs; on a CPU one pair after another, to save memory.

        :param image0: (B, 3, H, W) float, ImageNet-normalised; H, W multiples of 112.
        :param image1: likewise.
        :param flow_init: (B, 2, H, W) a first guess, pixels.
        :returns: displacement from image 0 to image 1.
        :raises ShapeError: if sizes differ or are no multiples of 112.
        """
        if len(image0) > 1 and image0.shape == image1.shape and worth_splitting(image0):
            guesses = flow_init.split(1) if flow_init is not None else [None] * len(image0)
            return join([self(*pair) for pair in
                         zip(image0.split(1), image1.split(1), guesses, strict=True)])
        features0, features1 = self.encode_pair(image0, image1)
        volume = self.correlate(features0.fmap, features1.fmap)
        return self.match(volume, self.context_of(features0), flow_init)

    def encode_pair(self, image0: Tensor, image1: Tensor) -> tuple[Features, Features]:
        """Describe both images in one batch; on a CPU apart, which saves memory."""
        if image0.shape != image1.shape:
            raise ShapeError(f'the images must have one shape, got {tuple(image0.shape)} and '
                             f'{tuple(image1.shape)}')
        if worth_splitting(image0):
            return self.encode(image0), self.encode(image1)
        both = self.encode(torch.cat([image0, image1]))
        return both.of(0, len(image0)), both.of(len(image0), 2 * len(image0))

    def encode(self, images: Tensor) -> Features:
        """
        Describe images, each on its own (PanMatch Sec. 3.1, 3.2).

        :param images: (B, 3, H, W), ImageNet-normalised; H, W multiples of 112.
        :raises ShapeError: if they are not.
        """
        check_images(images)
        images = images.contiguous(memory_format=torch.channels_last)
        tokens, guides = self.backbone(images), self.guide_net(images)
        with single_precision(images):
            upsampled = [
                upsample(compress(full_precision(x)), full_precision(guide))
                for compress, upsample, x, guide in
                zip(self.compression, self.guided_upsampling, tokens, guides, strict=True)]
        pyramid = self.feature_pyramid(upsampled)
        return Features(pyramid, self.embed(self.matching, pyramid))

    def context_of(self, features: Features) -> Tensor:
        """Context (B, D, H/8, W/8) of the image that shall be matched (PanMatch Sec. 3.2)."""
        return self.embed(self.context, features.pyramid)

    @staticmethod
    def embed(embedding: nn.Module, pyramid: tuple[Tensor, ...]) -> Tensor:
        """Fuse a pyramid into one map at 1/8."""
        with single_precision(pyramid[0], half_is_enough=True):
            return full_precision(embedding([full_precision(x) for x in pyramid]))

    def correlate(self, fmap0: Tensor, fmap1: Tensor) -> Tensor:
        """
        Compare two images; transposed (1, 2) it is the comparison of the opposite direction.

        :returns: (B, h w, h w) float32.
        """
        return correlation_volume(fmap0, fmap1)

    def match(self, volume: Tensor, context: Tensor,
              flow_init: Tensor | None = None) -> Prediction:
        """
        Regress the displacement from a cost volume (PanMatch Sec. 3.3, FlowFormer).

        Always in single precision, also under automatic mixed precision: costs exceed the range
        of float16, and twelve updates add up what bfloat16 rounds away.

        :param volume: (B, h w, h w) of :meth:`correlate`.
        :param context: (B, D, h, w) of image 0.
        :param flow_init: (B, 2, 8 h, 8 w) a first guess, pixels.
        """
        context = full_precision(context)
        with single_precision(context):
            memory = self.cost_encoder(volume, context)
            return self.decoder(volume, memory, context, flow_init)


class Compression(nn.Module):
    """Fewer channels for the backbone's maps."""

    def __init__(self, vit_dim: int, features: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(vit_dim, features, 1, bias=False)
        self.norm = nn.GroupNorm(1, features)

    def forward(self, x: Tensor) -> Tensor:
        """(B, V, h, w) to (B, C, h, w)."""
        return self.norm(self.projection(x))


def join(predictions: list[Prediction]) -> Prediction:
    """Make one batch of several."""
    flows, confidences = zip(*predictions, strict=True)
    has_confidence = confidences[0] is not None
    return Prediction(torch.cat(flows), torch.cat(confidences) if has_confidence else None)


def check_images(images: Tensor) -> None:
    """
    Refuse images that the network cannot take.

    :raises ShapeError: with the sizes.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ShapeError(f'images must be (B, 3, H, W), got {tuple(images.shape)}')
    if any(size == 0 or size % SIZE_MULTIPLE for size in images.shape[2:]):
        raise ShapeError(f'height and width must be multiples of {SIZE_MULTIPLE}, got '
                         f'{images.shape[2]}x{images.shape[3]}')
