"""Batches of training pairs, from a pool that is renewed while training goes on."""
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data.synthetic.generator import TrainingPair, generate_pair
from .config import Phase
from .device_generator import DeviceGenerator

FILL = 16  # batches in the pool before the training starts


class Batch(NamedTuple):
    """
    Pairs and their truth; the rectified ones are the last.

    :param image0: (B, 3, H, W) float32 in [0, 1].
    :param image1: (B, 3, H, W).
    :param flow: (B, 2, H, W) float32, pixels.
    :param occlusion: (B, 1, H, W) bool.
    :param rectified: how many pairs at the end are matched along the rows.
    """

    image0: Tensor
    image1: Tensor
    flow: Tensor
    occlusion: Tensor
    rectified: int


class PairPool:
    """
    Renders pairs, keeps them, and draws batches of them in random order.

    :param phase: sizes, scenes and how often a pair is seen.
    :param seed: of the scenes.
    :param stream: number of the process, so that each renders other scenes.
    :param streams: how many there are.
    :param first: index of the first scene, to continue a training with new ones.
    """

    def __init__(self, phase: Phase, seed: int, stream: int = 0, streams: int = 1,
                 first: int = 0) -> None:
        self.phase, self.seed = phase, seed
        self.stream, self.streams = stream, streams
        self.rendered = self._first = first
        self._random = np.random.default_rng([seed, stream, first])
        self._pairs: list[TrainingPair] = []
        self._due = 0.0

    def next(self) -> Batch:
        """Render what is due, and draw a batch."""
        wanted = min(self.phase.batch * FILL, self.phase.pool)
        while len(self._pairs) < wanted:
            self._render()
        self._due += self.phase.fresh
        while self._due >= 1:
            self._render()
            self._due -= 1
        picks = self._random.choice(len(self._pairs), self.phase.batch, replace=False)
        chosen = [turned(self._pairs[pick], self._random) for pick in picks]
        by_rows = [pair.rectified and self._random.random() < self.phase.rectified_share
                   for pair in chosen]
        order = np.argsort(by_rows, kind='stable')
        return collate([chosen[i] for i in order], sum(by_rows))

    def _render(self) -> None:
        """Add a pair; when the pool is full, one takes the place of the oldest."""
        index = self.rendered * self.streams + self.stream
        pair = compact(generate_pair(self.phase.scenes, self.seed, index))
        if len(self._pairs) < self.phase.pool:
            self._pairs.append(pair)
        else:
            self._pairs[(self.rendered - self._first) % self.phase.pool] = pair
        self.rendered += 1


class DevicePairs:
    """
    Renders every batch anew on a device; no pair is seen twice.

    :param phase: sizes and scenes.
    :param seed: of the scenes.
    :param device: what renders.
    :param first: index of the first scene, to continue a training with new ones.
    """

    def __init__(self, phase: Phase, seed: int, device: torch.device, first: int = 0) -> None:
        self.phase, self.seed, self.rendered = phase, seed, first
        self._random = np.random.default_rng([seed, first])
        self._generator = DeviceGenerator(phase.scenes, device)

    def next(self) -> Batch:
        """Render a batch."""
        indices = range(self.rendered, self.rendered + self.phase.batch)
        self.rendered += self.phase.batch
        made = self._generator.generate(self.seed, indices)
        chosen = self._random.random(self.phase.batch) < self.phase.rectified_share
        by_rows = made.rectified.cpu().numpy() & chosen
        order = torch.from_numpy(np.argsort(by_rows, kind='stable')).to(made.flow.device)
        return Batch(made.image0[order], made.image1[order], made.flow[order],
                     made.occlusion[order], int(by_rows.sum()))


def compact(pair: TrainingPair) -> TrainingPair:
    """Keep what training needs, with flows in half precision."""
    return pair._replace(flow=pair.flow.astype(np.float16),
                         flow_back=pair.flow_back.astype(np.float16),
                         depth0=None, depth1=None, K=None, T_1_0=None)


def turned(pair: TrainingPair, random: np.random.Generator) -> TrainingPair:
    """
    Mirror a pair or look at it from the other side, at random; what it shows stays true.

    A rectified pair whose images change places is mirrored too, so that matches stay left.
    """
    swap, mirror, flip = random.random(3) < 0.5
    if swap:
        pair = pair._replace(image0=pair.image1, image1=pair.image0, flow=pair.flow_back,
                             flow_back=pair.flow, occlusion=pair.occlusion_back,
                             occlusion_back=pair.occlusion)
    if swap if pair.rectified else mirror:
        pair = _reversed(pair, axis=1)
    return _reversed(pair, axis=0) if flip else pair


def _reversed(pair: TrainingPair, axis: int) -> TrainingPair:
    sign = np.array([-1, 1] if axis == 1 else [1, -1], pair.flow.dtype)
    step = (slice(None), slice(None, None, -1)) if axis == 1 else (slice(None, None, -1),)
    return pair._replace(
        image0=pair.image0[step], image1=pair.image1[step], flow=pair.flow[step] * sign,
        flow_back=pair.flow_back[step] * sign, occlusion=pair.occlusion[step],
        occlusion_back=pair.occlusion_back[step])


def collate(pairs: list[TrainingPair], rectified: int) -> Batch:
    """Stack pairs; the last ``rectified`` of them are matched along the rows."""
    def images(name: str) -> Tensor:
        stacked = np.stack([getattr(pair, name) for pair in pairs])
        return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255

    flow = np.stack([pair.flow for pair in pairs]).astype(np.float32)
    occlusion = np.stack([pair.occlusion for pair in pairs])
    return Batch(images('image0'), images('image1'),
                 torch.from_numpy(flow).permute(0, 3, 1, 2).contiguous(),
                 torch.from_numpy(occlusion)[:, None], int(rectified))
