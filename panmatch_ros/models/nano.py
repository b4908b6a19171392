"""
The nano network: PanMatch's formulation, small enough for a robot's CPU.

One 2-D displacement field and a confidence for flow, stereo and matching, with the same
weights. A search over the whole image with corrections at 1/16 and 1/8, or one along the rows
of a rectified pair, gives a first estimate; corrections at 1/4 and 1/2 make it exact.
"""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .nano_config import NanoConfig
from .nano_encoder import NanoEncoder, NanoFeatures, upsample_nearest
from .nano_matching import GlobalMatching, Initial
from .nano_stereo import StereoSearch, StereoStart
from .nano_update import DetailBlock, Step, Transition, UpdateBlock, WindowSearch

BLOCK4, BLOCK8 = 16, 8  # columns compared at once; the width is a multiple of 64


class Start(NamedTuple):
    """
    Where the corrections at 1/4 begin.

    :param flow: (B, 2, H / 4, W / 4), pixels of this scale.
    :param state: (B, C, H / 4, W / 4), what the search remembers.
    :param certainty: (B, 1, H / 4, W / 4), logarithm of the probability of the first estimate.
    :param horizontal: (B or 1, 2, 1, 1), factor of every flow; (1, 0) keeps to the rows.
    """

    flow: Tensor
    state: Tensor
    certainty: Tensor
    horizontal: Tensor | None


class Refined(NamedTuple):
    """
    What the corrections made.

    :param flow: (B, 2, H, W), pixels, from image 0 to image 1.
    :param confidence: (B, 1, H, W), logit of being right to one pixel.
    :param steps: corrections, coarse to fine.
    """

    flow: Tensor
    confidence: Tensor
    steps: list[Step]


class Nano(nn.Module):
    """
    Match two images.

    :param config: form of the network; the shipped one if not given.
    """

    def __init__(self, config: NanoConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NanoConfig()
        self.iterations = config.iterations
        half, quarter, eighth, sixteenth = config.channels
        hidden4, hidden8, hidden16 = config.hidden
        self.encoder = NanoEncoder(config)
        self.matching = GlobalMatching(config)
        self.stereo = StereoSearch(config)
        self.context16 = nn.Conv2d(sixteenth + 1, hidden16, 1)
        self.context8 = nn.Conv2d(eighth + 1, hidden8, 1)
        self.context4 = nn.Conv2d(quarter, hidden4, 1)
        self.update16 = UpdateBlock(config.match_dim, hidden16,
                                    WindowSearch(config.radius[2], 0))
        self.update8 = UpdateBlock(eighth, hidden8,
                                   WindowSearch(config.radius[1], BLOCK8))
        self.update4 = UpdateBlock(quarter, hidden4,
                                   WindowSearch(config.radius[0], BLOCK4))
        self.detail = DetailBlock(half)
        self.to8 = Transition(hidden16, hidden8)
        self.to4 = Transition(hidden8, hidden4)
        self.to2 = Transition(hidden4, half)

    def forward(self, image0: Tensor, image1: Tensor,
                rectified: bool = False) -> tuple[Tensor, Tensor]:
        """
        Match two images.

        :param image0: (B, 3, H, W) RGB in [0, 1]; H a multiple of 16 from 32 on, W of
            64.
        :param image1: same size.
        :param rectified: search along the rows, to the left only.
        :returns: flow (B, 2, H, W) in pixels; confidence (B, 1, H, W) in [0, 1].
        """
        features0, features1 = self.encoder(image0), self.encoder(image1)
        if rectified:
            start = self.start_stereo(features0, features1)[0]
        else:
            start = self.start_flow(features0, features1)[0]
        refined = self.refine(features0, features1, start)
        return refined.flow, torch.sigmoid(refined.confidence)

    def start_flow(self, features0: NanoFeatures, features1: NanoFeatures,
                   flow_init: Tensor | None = None,
                   init_weight: Tensor | None = None) -> tuple[Start, Initial, list[Step]]:
        """
        Search the whole image at 1/16, and correct there and at 1/8.

        :param flow_init: (B, 2, H / 16, W / 16), pixels of that scale, to start from instead.
        :param init_weight: how much of ``flow_init`` to take, 0 to 1; (B, 1, h, w) or less.
        :returns: where 1/4 begins; the estimate and the corrections for their losses.
        """
        initial = self.matching(features0, features1)
        flow, steps = initial.flow, []
        if flow_init is not None and init_weight is not None:
            flow = flow + init_weight * (flow_init - flow)
        hidden = F.relu(self.context16(torch.cat([features0.sixteenth, initial.certainty], 1)))
        for _ in range(self.iterations[2]):
            hidden, step = self.update16(features0.tokens, features1.tokens, hidden, flow, None)
            flow = step.flow
            steps.append(step)
        certainty = upsample_nearest(initial.certainty)
        flow, context = self.to8.flow(hidden, flow), torch.cat([features0.eighth, certainty], 1)
        hidden = F.relu(self.context8(context) + self.to8.state(hidden))
        for _ in range(self.iterations[1]):
            hidden, step = self.update8(features0.eighth, features1.eighth, hidden, flow, None)
            flow = step.flow
            steps.append(step)
        start = Start(self.to4.flow(hidden, flow), self.to4.state(hidden),
                      upsample_nearest(certainty), None)
        return start, initial, steps

    def start_stereo(self, features0: NanoFeatures,
                     features1: NanoFeatures) -> tuple[Start, StereoStart]:
        """
        Search along the rows at 1/8 and 1/4.

        :returns: where the corrections begin, and all that was found for its losses.
        """
        found = self.stereo(features0, features1)
        rows = torch.tensor([1.0, 0.0], device=found.flow.device).view(1, 2, 1, 1)
        return Start(found.flow, found.state, found.fine.certainty, rows), found

    def refine(self, features0: NanoFeatures, features1: NanoFeatures, start: Start) -> Refined:
        """Correct a first estimate at 1/4 and 1/2."""
        flow, steps, rows = start.flow, [], start.horizontal
        hidden = F.relu(self.context4(features0.quarter) + start.state)
        for _ in range(self.iterations[0]):
            hidden, step = self.update4(features0.quarter, features1.quarter, hidden, flow, rows)
            flow = step.flow
            steps.append(step)
        flow, hidden = self.to2.flow(hidden, flow), self.to2.state(hidden)
        step, full, confidence = self.detail(features0.half, features1.half, hidden, flow, rows)
        if rows is not None:
            full = full * rows
        return Refined(full, confidence, [*steps, step])
