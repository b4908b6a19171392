"""What the nano network is trained to do."""
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.nano import Nano, Refined
from ..models.nano_encoder import NanoFeatures
from ..models.nano_matching import Initial
from ..models.nano_stereo import StereoStart
from ..models.nano_update import Step
from .batch import Batch

ROBUSTNESS = 0.7        # power of the end-point error
ERROR_FLOOR_PX = 0.01
OCCLUDED = 0.5          # weight of hidden pixels in the volumes
STEP, SEARCH, WINDOW, VOLUME, CONFIDENCE = 0.25, 0.5, 0.2, 0.5, 0.1  # weights of the terms
RIGHT_PX = 1.0          # error below which a match is right
LEAST_WEIGHT = 0.25     # of all candidates near the match, for a window to be taught
SMOOTH_PX = 0.5         # cells in which the flow differs by more take one pixel, not the mean


class Outcome(NamedTuple):
    """
    All that the network did to a batch.

    :param features0: of all pairs.
    :param features1: of all pairs.
    :param searched: first estimate of the pairs that are not rectified; None without such.
    :param coarse_steps: corrections of those at 1/16 and 1/8.
    :param stereo: first estimate of the rectified pairs; None without such.
    :param refined: result of all pairs.
    """

    features0: NanoFeatures
    features1: NanoFeatures
    searched: Initial | None
    coarse_steps: list[Step]
    stereo: StereoStart | None
    refined: Refined


def run_network(model: Nano, batch: Batch) -> Outcome:
    """Match a batch whose last pairs are rectified."""
    size, general = len(batch.image0), len(batch.image0) - batch.rectified
    features = model.encoder(torch.cat([batch.image0, batch.image1]))
    features0 = NanoFeatures(*(x[:size] for x in features))
    features1 = NanoFeatures(*(x[size:] for x in features))
    starts, searched, stereo = [], None, None
    coarse: list[Step] = []
    if general:
        start, searched, coarse = model.start_flow(
            NanoFeatures(*(x[:general] for x in features0)),
            NanoFeatures(*(x[:general] for x in features1)))
        both = torch.ones(general, 2, 1, 1, device=start.flow.device)
        starts.append(start._replace(horizontal=both))
    if batch.rectified:
        start, stereo = model.start_stereo(
            NanoFeatures(*(x[general:] for x in features0)),
            NanoFeatures(*(x[general:] for x in features1)))
        assert start.horizontal is not None
        starts.append(start._replace(
            horizontal=start.horizontal.expand(batch.rectified, -1, -1, -1)))
    start = type(starts[0])(*(torch.cat(parts) for parts in zip(*starts, strict=True)))
    return Outcome(features0, features1, searched, coarse, stereo,
                   model.refine(features0, features1, start))


def loss_terms(model: Nano, outcome: Outcome, batch: Batch) -> dict[str, Tensor]:
    """Weighted terms of the loss; their sum is minimised."""
    general = len(batch.flow) - batch.rectified
    refined = outcome.refined
    truths = {scale: Truth.of(batch, scale) for scale in (2, 4, 8, 16)}
    error = end_point_error(refined.flow, batch.flow)
    terms = {'flow': robust(error).mean(),
             'confidence': CONFIDENCE * F.binary_cross_entropy_with_logits(
                 refined.confidence.float(), (error < RIGHT_PX).float().detach()),
             'search': SEARCH * search_loss(model, outcome, truths[16])}
    height = batch.flow.shape[2]
    taught = [(step, truths[height // step.flow.shape[2]].first(general))
              for step in outcome.coarse_steps]
    taught += [(step, truths[height // step.flow.shape[2]]) for step in refined.steps]
    steps = [step_loss(step.flow, truth) for step, truth in taught]
    windows = [window_loss(step, truth) for step, truth in taught]
    volumes = [torch.zeros((), device=error.device)]
    if outcome.stereo is not None:
        stereo, eighth, quarter = outcome.stereo, *(truths[x].last(general) for x in (8, 4))
        steps += [step_loss(stereo.informed, eighth), step_loss(stereo.flow, quarter)]
        volumes += [volume_loss(stereo.coarse, eighth), volume_loss(stereo.fine, quarter)]
    terms['steps'] = STEP * sum(steps[1:], steps[0])
    terms['windows'] = WINDOW * sum(windows[1:], windows[0])
    terms['volume'] = VOLUME * sum(volumes[1:], volumes[0])
    return terms


class Truth(NamedTuple):
    """
    The truth at one scale.

    :param flow: (B, 2, h, w), pixels of that scale.
    :param occlusion: (B, 1, h, w) bool.
    """

    flow: Tensor
    occlusion: Tensor

    @classmethod
    def of(cls, batch: Batch, scale: int) -> 'Truth':
        """Reduce the truth: the mean of smooth cells, one pixel of those with an edge."""
        middle = slice(scale // 2, None, scale)
        sample = batch.flow[:, :, middle, middle]
        mean = F.avg_pool2d(batch.flow, scale)
        smooth = (mean - sample).abs().amax(1, keepdim=True) < SMOOTH_PX
        return cls(torch.where(smooth, mean, sample) / scale,
                   batch.occlusion[:, :, middle, middle])

    def first(self, count: int) -> 'Truth':
        """Those of the first pairs."""
        return Truth(self.flow[:count], self.occlusion[:count])

    def last(self, start: int) -> 'Truth':
        """Those of the pairs from ``start``."""
        return Truth(self.flow[start:], self.occlusion[start:])


def end_point_error(flow: Tensor, truth: Tensor) -> Tensor:
    """(B, 1, H, W), length of the difference."""
    return ((flow.float() - truth).square().sum(1, keepdim=True) + 1e-8).sqrt()


def robust(error: Tensor) -> Tensor:
    """Let large errors count less than their size."""
    return (error + ERROR_FLOOR_PX) ** ROBUSTNESS


def step_loss(flow: Tensor, truth: Truth) -> Tensor:
    """Error of an estimate, in pixels of its scale."""
    return robust(end_point_error(flow, truth.flow)).mean()


def search_loss(model: Nano, outcome: Outcome, truth: Truth) -> Tensor:
    """
    Cross-entropy of the search over the whole image.

    Pixels of all images of the batch are wrong answers too: a small training image has too few
    of its own.
    """
    tokens0, tokens1 = (f.tokens.flatten(2).transpose(1, 2).flatten(0, 1)
                        for f in (outcome.features0, outcome.features1))
    logits = (tokens0 @ tokens1.T * model.matching.log_scale.exp()).float()  # (B N, B N)
    batch, _, height, width = truth.flow.shape
    x = truth.flow[:, 0] + torch.arange(width, device=logits.device)
    y = truth.flow[:, 1] + torch.arange(height, device=logits.device)[:, None]
    target, weight, inside = bilinear_cells(x, y, width, height)
    target = target + torch.arange(batch, device=logits.device).view(-1, 1, 1, 1) * height * width
    known = (inside & ~truth.occlusion[:, 0]).flatten()
    return soft_cross_entropy(logits, target.flatten(0, 2), weight.flatten(0, 2), known)


def window_loss(step: Step, truth: Truth) -> Tensor:
    """Cross-entropy of a window, where one of its candidates is within a pixel of the match."""
    away = step.candidates - (truth.flow - step.base.detach())[:, :, None]
    weight = (1 - away.abs()).clamp(min=0).prod(1) * inside_window(step)
    total = weight.sum(1)
    known = (total > LEAST_WEIGHT) & ~truth.occlusion[:, 0]
    weight = weight / total.clamp(min=LEAST_WEIGHT)[:, None]
    each = torch.logsumexp(step.logits, 1) - (step.logits * weight).sum(1)
    return (each * known).sum() / known.sum().clamp(min=1)


def inside_window(step: Step) -> Tensor:
    """(1, (2 r + 1)^2, h, w), 1 where a neighbour exists, 0 beyond the edges of the image."""
    size = round(step.logits.shape[1] ** 0.5)
    ones = torch.ones_like(step.logits[:1, :1])
    return F.unfold(ones, size, padding=size // 2).view(1, size * size, *ones.shape[2:])


def volume_loss(volume: Initial, truth: Truth) -> Tensor:
    """Cross-entropy of the disparity; hidden pixels count less."""
    logits = volume.logits.permute(0, 2, 3, 1)
    levels = logits.shape[-1]
    disparity = -truth.flow[:, 0]
    low = disparity.floor().clamp(0, levels - 2)
    high_weight = (disparity - low).clamp(0, 1)
    inside = (disparity >= 0) & (disparity <= levels - 1)
    target = torch.stack([low, low + 1], dim=-1).long()
    weight = torch.stack([1 - high_weight, high_weight], dim=-1)
    importance = torch.where(truth.occlusion[:, 0], OCCLUDED, 1.0) * inside
    each = -(logits.log_softmax(-1).gather(-1, target) * weight).sum(-1)
    return (each * importance).sum() / importance.sum().clamp(min=1)


def bilinear_cells(x: Tensor, y: Tensor, width: int,
                   height: int) -> tuple[Tensor, Tensor, Tensor]:
    """
    Share a position among the four cells around it.

    :returns: index (..., 4) of the cells, their weights, and whether the position is inside.
    """
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    left, top = x.floor().clamp(0, width - 2), y.floor().clamp(0, height - 2)
    right, low = (x - left).clamp(0, 1), (y - top).clamp(0, 1)
    first = (top * width + left).long()
    index = torch.stack([first, first + 1, first + width, first + width + 1], dim=-1)
    weight = torch.stack([(1 - right) * (1 - low), right * (1 - low), (1 - right) * low,
                          right * low], dim=-1)
    return index, weight, inside


def soft_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor,
                       known: Tensor) -> Tensor:
    """Mean cross-entropy of rows (N, C) with four target cells each, over the known rows."""
    each = torch.logsumexp(logits, -1) - (logits.gather(-1, target) * weight).sum(-1)
    return (each * known).sum() / known.sum().clamp(min=1)
