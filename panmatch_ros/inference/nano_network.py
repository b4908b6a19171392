"""The nano network, step by step, in whatever computes its graphs."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .backends.base import Arrays, Runs, to_numpy
from .nano_layout import COARSE_CELL, STEREO_CELL, NanoLayout, best_of_cells

SURE = 0.5  # confidence above which a coarse disparity replaces one beyond the search
LEVEL_PX = 8  # pixels between the disparities of the stereo volume
Features = dict[str, Any]


@dataclass(frozen=True)
class View:
    """
    What is known of one image.

    :param layout: how it went through the network.
    :param features: of the encoder.
    :param is_plain: whether it has no contrast at all.
    :param half: the same at half the size, for large motion.
    """

    layout: NanoLayout
    features: Features
    is_plain: bool
    half: 'View | None' = None


@dataclass(frozen=True)
class Field:
    """
    What the network found, on the padded grid.

    :param flow: (1, 2, h, w) float32, pixels of that grid.
    :param confidence: (1, 1, h, w) float32 in [0, 1].
    """

    flow: np.ndarray
    confidence: np.ndarray


class NanoNetwork:
    """
    Encodes images and compares what it encoded.

    :param programs: what computes its parts.
    :param disparity_levels: of the stereo volume, steps of 8 pixels.
    """

    def __init__(self, programs: Runs, disparity_levels: int) -> None:
        self.programs = programs
        self.disparity_levels = disparity_levels

    @property
    def reach_px(self) -> int:
        """Disparities below this are searched, pixels of the image that the network sees."""
        return LEVEL_PX * self.disparity_levels

    def encode(self, layout: NanoLayout, image: np.ndarray, with_half: bool) -> View:
        """
        Describe an image.

        :param with_half: also at half the size.
        """
        tensor = layout.forward(image)
        features = self.programs.run('encoder', layout.padded, {'image': tensor})
        half = self.encode(layout.halved(), image, False) if with_half else None
        return View(layout, features, float(np.ptp(tensor)) == 0, half)

    def flow(self, view0: View, view1: View,
             guess: tuple[np.ndarray, np.ndarray] | None = None) -> Field:
        """
        Match image 0 to image 1.

        :param guess: to start from, instead of what is found at half the size: flow (h, w, 2) in
            pixels and its weight (h, w) in [0, 1], of the cells of the padded image.
        """
        size = view0.layout.padded
        cells = size[0] // COARSE_CELL, size[1] // COARSE_CELL
        flow_init, weight = np.zeros((1, 2, *cells), np.float32), np.zeros((1, 1, *cells),
                                                                           np.float32)
        if guess is not None:
            flow_init[0], weight[0, 0] = guess[0].transpose(2, 0, 1) / COARSE_CELL, guess[1]
        elif view0.half is not None and view1.half is not None:
            coarse = self.flow(view0.half, view1.half)
            grow_y, grow_x = _growth(view0)
            found, sure = best_of_cells(*_inside(coarse, view0.half), cells, COARSE_CELL // 2)
            found *= np.array([grow_x, grow_y], np.float32)[:, None, None] / COARSE_CELL
            flow_init[0], weight[0, 0] = found, sure
        inputs = _both(view0, view1) | {'flow_init': flow_init, 'init_weight': weight}
        start = self.programs.run('flow', size, inputs)
        return self._refine(view0, inputs | start, across=1.0)

    def disparity(self, left: View, right: View) -> Field:
        """Match along the rows; the flow is the negative disparity."""
        inputs = _both(left, right)
        start = self.programs.run('stereo', left.layout.padded, inputs)
        if left.half is not None and right.half is not None:
            start = self._extend(start, left, self.disparity(left.half, right.half))
        return self._refine(left, inputs | start, across=0.0)

    def leaning(self, view0: View, view1: View) -> tuple[float, float]:
        """
        Tell where the surely matched parts of image 0 have gone, without matching the rest.

        :returns: share of all pixels that clearly moved left, and right, by a sure estimate.
        """
        size = view0.layout.padded
        nothing = np.zeros((1, 2, size[0] // COARSE_CELL, size[1] // COARSE_CELL), np.float32)
        inputs = _both(view0, view1) | {'flow_init': nothing, 'init_weight': nothing[:, :1]}
        start = self.programs.run('flow', size, inputs)
        sure = to_numpy(start['certainty4'])[0, 0] > np.log(0.5)
        across = to_numpy(start['flow4'])[0, 0]
        return float((sure & (across < -1)).mean()), float((sure & (across > 1)).mean())

    def _extend(self, start: Arrays, left: View, coarse: Field) -> dict[str, Any]:
        """Put in the disparities of half the size that are beyond the search at full size."""
        assert left.half is not None
        flow = np.array(to_numpy(start['flow4']))
        rows, columns = flow.shape[2:]
        found, sure = best_of_cells(*_inside(coarse, left.half), (rows, columns),
                                    STEREO_CELL // 2)
        found = found[0] * _growth(left)[1] / STEREO_CELL
        beyond = (-found > self.reach_px / STEREO_CELL - 2) & (sure > SURE)
        flow[0, 0][beyond] = found[beyond]
        return {**start, 'flow4': flow}

    def _refine(self, view: View, inputs: Arrays, across: float) -> Field:
        horizontal = np.array([1, across], np.float32).reshape(1, 2, 1, 1)
        found = self.programs.run('refine', view.layout.padded,
                                  {**inputs, 'horizontal': horizontal})
        return Field(to_numpy(found['flow']), to_numpy(found['confidence']))


def _both(view0: View, view1: View) -> dict[str, Any]:
    """Name the features of both images as the graphs do."""
    return {f'{name}{index}': value for index, view in enumerate((view0, view1))
            for name, value in view.features.items()}


def _inside(field: Field, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Cut off what was padded: flow (2, h, w) and confidence (h, w)."""
    height, width = view.layout.scaled
    return field.flow[0, :, :height, :width], field.confidence[0, 0, :height, :width]


def _growth(view: View) -> tuple[float, float]:
    """How much larger than its half an image is, along y and x."""
    assert view.half is not None
    return (view.layout.scaled[0] / view.half.layout.scaled[0],
            view.layout.scaled[1] / view.half.layout.scaled[1])
