"""Make a trained nano network cheaper without changing its numbers."""
import copy

import torch
from torch import Tensor, nn

from .folded.nano_encoder import FoldedEncoder
from .folded.nano_matching import FoldedMatching
from .folded.nano_stereo import FoldedStereo
from .folded.nano_update import FoldedDetail, FoldedTransition, FoldedUpdate
from .nano import Nano
from .nano_encoder import NanoFeatures, upsample_nearest

COLUMNS4, COLUMNS8, COLUMNS16 = 16, 16, 8  # compared at once; fastest on CPUs


class FoldedNano(nn.Module):
    """
    A nano network for inference, in the parts that are computed one after another.

    :param model: a trained network; it is left as it is.
    """

    def __init__(self, model: Nano) -> None:
        super().__init__()
        model = copy.deepcopy(model).cpu().float().eval()
        self.iterations = model.iterations
        self.encoder = FoldedEncoder(model.encoder)
        self.matching = FoldedMatching(model.matching)
        self.stereo = FoldedStereo(model.stereo)
        self.context16, self.context8, self.context4 = (
            model.context16, model.context8, model.context4)
        self.update16 = FoldedUpdate(model.update16, COLUMNS16)
        self.update8 = FoldedUpdate(model.update8, COLUMNS8)
        self.update4 = FoldedUpdate(model.update4, COLUMNS4)
        self.detail = FoldedDetail(model.detail)
        self.to8, self.to4, self.to2 = (
            FoldedTransition(each) for each in (model.to8, model.to4, model.to2))
        self.requires_grad_(False)

    def start_flow(self, features0: NanoFeatures, features1: NanoFeatures, flow_init: Tensor,
                   init_weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Search the whole image at 1/16, and correct there and at 1/8.

        :param flow_init: (1, 2, H / 16, W / 16), pixels of that scale, to start from instead.
        :param init_weight: how much of ``flow_init`` to take, 0 to 1; (1, 1, H / 16, W / 16).
        :returns: flow, state and certainty at 1/4, see :class:`~.nano.Start`.
        """
        flow, certainty = self.matching(features0, features1)
        flow = flow + init_weight * (flow_init - flow)
        hidden = torch.relu(self.context16(torch.cat([features0.sixteenth, certainty], 1)))
        for _ in range(self.iterations[2]):
            hidden, flow = self.update16(features0.tokens, features1.tokens, hidden, flow, None)
        certainty = upsample_nearest(certainty)
        flow, context = self.to8.flow(hidden, flow), torch.cat([features0.eighth, certainty], 1)
        hidden = torch.relu(self.context8(context) + self.to8.state(hidden))
        for _ in range(self.iterations[1]):
            hidden, flow = self.update8(features0.eighth, features1.eighth, hidden, flow, None)
        return self.to4.flow(hidden, flow), self.to4.state(hidden), upsample_nearest(certainty)

    def start_stereo(self, features0: NanoFeatures,
                     features1: NanoFeatures) -> tuple[Tensor, Tensor, Tensor]:
        """
        Search along the rows at 1/8 and 1/4.

        :returns: as :meth:`start_flow`.
        """
        return self.stereo(features0, features1)

    def refine(self, features0: NanoFeatures, features1: NanoFeatures, flow: Tensor,
               state: Tensor, horizontal: Tensor) -> tuple[Tensor, Tensor]:
        """
        Correct a first estimate at 1/4 and 1/2.

        :param horizontal: (1, 2, 1, 1), factor of every flow; (1, 0) keeps to the rows.
        :returns: flow (1, 2, H, W) in pixels, confidence (1, 1, H, W) in [0, 1].
        """
        hidden = torch.relu(self.context4(features0.quarter) + state)
        for _ in range(self.iterations[0]):
            hidden, flow = self.update4(features0.quarter, features1.quarter, hidden, flow,
                                        horizontal)
        flow, hidden = self.to2.flow(hidden, flow), self.to2.state(hidden)
        full, confidence = self.detail(features0.half, features1.half, hidden, flow, horizontal)
        return full * horizontal, torch.sigmoid(confidence)
