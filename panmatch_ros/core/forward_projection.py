"""Where the motion of one pair of images leads in the next one, if it goes on as it was."""
import cv2
import numpy as np

from .errors import ShapeError

SAMPLES = 4          # points of a cell along each axis
TOLERANCE = 8.0      # grey levels by which the two ends of a guess may always differ
BETTER = 0.5         # further apart they may be if no motion is that much worse
LEAST_SHARE = 0.5    # of the guesses that have to hold; else it is another scene


def project_forward(flow: np.ndarray, confidence: np.ndarray,
                    cell: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Guess the flow of the next pair: every point keeps its velocity.

    :param flow: (H, W, 2) from image 0 to image 1, pixels; NaN is invalid.
    :param confidence: (H, W) in [0, 1].
    :param cell: edge of the cells that share a guess, pixels.
    :returns: guess (H // cell, W // cell, 2) for image 1 to image 2, pixels, of the most
        confident point that came to the cell; its confidence (H // cell, W // cell), 0 where
        none came.
    :raises ShapeError: if the shapes do not go together.
    """
    if flow.ndim != 3 or flow.shape[2] != 2 or confidence.shape != flow.shape[:2]:
        raise ShapeError(f'flow and confidence must be (H, W, 2) and (H, W), got {flow.shape} '
                         f'and {confidence.shape}')
    rows, columns = flow.shape[0] // cell, flow.shape[1] // cell
    step = max(cell // SAMPLES, 1)
    found = flow[step // 2::step, step // 2::step].reshape(-1, 2)
    sure = confidence[step // 2::step, step // 2::step].ravel()
    y, x = (index.ravel() * step + step // 2
            for index in np.indices(flow[step // 2::step, step // 2::step].shape[:2]))
    with np.errstate(invalid='ignore'):
        row = np.floor((y + found[:, 1] + 0.5) / cell)
        column = np.floor((x + found[:, 0] + 0.5) / cell)
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    order = np.flatnonzero(inside)
    order = order[np.argsort(sure[order], kind='stable')]  # the last one written stays
    place = (row[order] * columns + column[order]).astype(np.intp)
    guess, weight = np.zeros((rows * columns, 2), np.float32), np.zeros(rows * columns, np.float32)
    guess[place], weight[place] = found[order], sure[order]
    return guess.reshape(rows, columns, 2), weight.reshape(rows, columns)


def borne_out(guess: np.ndarray, weight: np.ndarray, small0: np.ndarray,
              small1: np.ndarray, cell: int) -> np.ndarray:
    """
    Keep the guesses that the images do not contradict.

    A guess holds if image 1 at its end looks like image 0 at its start, or at least twice as
    much so as without motion. If fewer than half do, the scene is another one, or the light
    changed, and none is kept.

    :param guess: (h, w, 2) of :func:`project_forward`, pixels.
    :param weight: (h, w).
    :param small0: (h, w) grey image of the cells, 0 to 255.
    :param small1: likewise.
    :param cell: edge of the cells, pixels.
    :returns: (h, w) float32: the weights, 0 where a guess does not hold.
    :raises ShapeError: if the shapes differ.
    """
    if not guess.shape[:2] == weight.shape == small0.shape == small1.shape:
        raise ShapeError('guess, weight and both small images must have one height and width, '
                         f'got {guess.shape}, {weight.shape}, {small0.shape}, {small1.shape}')
    small0, small1 = small0.astype(np.float32), small1.astype(np.float32)
    y, x = np.indices(weight.shape).astype(np.float32)
    moved = cv2.remap(small1, x + guess[..., 0] / cell, y + guess[..., 1] / cell,
                      cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    holds = np.abs(moved - small0) <= np.maximum(BETTER * np.abs(small1 - small0), TOLERANCE)
    there = weight > 0
    if not there.any() or holds[there].mean() < LEAST_SHARE:
        return np.zeros_like(weight)
    return np.where(holds, weight, np.float32(0))
