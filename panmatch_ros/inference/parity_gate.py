"""
Whether an engine computes what the network computes: a comparison of numbers, before it is used.

Engines are known to be wrong without any error: interpolation of a wrong kind, 16 bits that
overflow, tensors of a wrong layout. So each is tried on :func:`~.parity_pair.make_parity_pair`
when it is built and when it is loaded, and compared with the network in single precision.
"""
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from ..core.errors import ConfigError, EngineError
from ..core.types import Displacement
from .engine_key import PRECISIONS


@dataclass(frozen=True)
class ParityBounds:
    """
    How far an engine may be from the network in single precision.

    :param mean_px: mean length of the difference of the flow, pixels.
    :param p99_px: length that 99 % of the pixels keep, pixels.
    :param max_px: length that every pixel keeps, pixels. It is loose: where two matches are as
        good as each other, rounding may choose the other one.
    :param off_px: a pixel that differs by more is off, pixels.
    :param off_share: of pixels that may be off, 0 to 1.
    :param confidence: mean difference of the confidence, 0 to 1.
    :raises ConfigError: if a bound is negative or not finite.
    """

    mean_px: float
    p99_px: float
    max_px: float
    off_px: float
    off_share: float
    confidence: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < math.inf:
                raise ConfigError(f'{name} must be finite and not negative, got {value}')


# Single precision: other orders of summation, 1e-3 px between ONNX Runtime and PyTorch; ten times
# that is still no wrong engine. 16 bits: the PanMatch network differs by less than 0.05 px in the
# mean (test/models/test_precision.py), of which twice is allowed; bf16 has three bits less.
BOUNDS = {
    'fp32': ParityBounds(mean_px=0.01, p99_px=0.05, max_px=2.0, off_px=0.1, off_share=0.002,
                         confidence=0.005),
    'fp16': ParityBounds(mean_px=0.1, p99_px=0.5, max_px=8.0, off_px=1.0, off_share=0.005,
                         confidence=0.02),
    'bf16': ParityBounds(mean_px=0.15, p99_px=1.0, max_px=16.0, off_px=1.0, off_share=0.01,
                         confidence=0.03),
}


@dataclass(frozen=True)
class ParityVerdict:
    """
    The result of a comparison; numbers are NaN where nothing could be compared.

    :param accepted: the engine may be used.
    :param text: the numbers in one line; those beyond their bound with it.
    :param mean_px: mean length of the difference of the flow, pixels.
    :param p99_px: length that 99 % of the pixels keep, pixels.
    :param max_px: largest length, pixels.
    :param off_px: a pixel that differs by more is off, pixels.
    :param off_share: share of pixels that are off, 0 to 1.
    :param confidence: mean difference of the confidence, 0 to 1.
    """

    accepted: bool
    text: str
    mean_px: float = math.nan
    p99_px: float = math.nan
    max_px: float = math.nan
    off_px: float = math.nan
    off_share: float = math.nan
    confidence: float = math.nan


def bounds_of(precision: str) -> ParityBounds:
    """
    Give the bounds of a precision.

    :raises ConfigError: if there is no such precision.
    """
    if precision not in BOUNDS:
        raise ConfigError(f'there are no bounds for the precision {precision!r}; choose one of '
                          f'{", ".join(PRECISIONS)}')
    return BOUNDS[precision]


def compare(flow: Any, confidence: Any, reference: Displacement,
            bounds: ParityBounds) -> ParityVerdict:
    """
    Compare the result of an engine with that of the network in single precision.

    :param flow: of the engine, as it comes: (H, W, 2) of any float, pixels.
    :param confidence: of the engine, as it comes: (H, W) of any float, 0 to 1.
    :param reference: result of the network in fp32 on the same pair, valid everywhere.
    :param bounds: see :func:`bounds_of`.
    :returns: the verdict; a result of another shape, or one that is not finite, is refused.
    :raises EngineError: if the reference is not finite, so that nothing can be compared.
    """
    if not (np.isfinite(reference.flow).all() and np.isfinite(reference.confidence).all()
            and reference.confidence.size):
        raise EngineError('the network itself gives no finite result on the built-in pair, so '
                          'that no engine can be compared with it; check its weights')
    problem = (_problem('flow', flow, reference.flow.shape)
               or _problem('confidence', confidence, reference.confidence.shape))
    if problem:
        return ParityVerdict(False, problem)
    difference = np.asarray(flow, np.float64) - reference.flow
    length = np.hypot(difference[..., 0], difference[..., 1])
    off_by = np.abs(np.asarray(confidence, np.float64) - reference.confidence)
    return _judge({
        'mean_px': float(length.mean()), 'p99_px': float(np.percentile(length, 99)),
        'max_px': float(length.max()), 'off_share': float((length > bounds.off_px).mean()),
        'confidence': float(off_by.mean())}, bounds)


def _problem(name: str, result: Any, shape: tuple[int, ...]) -> str:
    if not isinstance(result, np.ndarray) or not np.issubdtype(result.dtype, np.floating):
        kind = result.dtype if isinstance(result, np.ndarray) else type(result).__name__
        return f'its {name} is {kind}, and an array of floats is needed'
    if result.shape != shape:
        return f'its {name} has the shape {result.shape}, and {shape} is needed'
    wrong = int(np.count_nonzero(~np.isfinite(result)))
    return f'{wrong} of {result.size} values of its {name} are not finite' if wrong else ''


def _judge(found: dict[str, float], bounds: ParityBounds) -> ParityVerdict:
    texts = {
        'mean_px': 'mean {:.4g} px', 'p99_px': 'p99 {:.4g} px', 'max_px': 'max {:.4g} px',
        'off_share': f'share off by more than {bounds.off_px:g} px {{:.4g}}',
        'confidence': 'confidence {:.4g}'}
    parts, accepted = [], True
    for name, text in texts.items():
        bound = getattr(bounds, name)
        kept = found[name] <= bound
        accepted = accepted and kept
        parts.append(text.format(found[name]) + ('' if kept else f' (at most {bound:g})'))
    return ParityVerdict(accepted, ', '.join(parts), off_px=bounds.off_px, **found)
