"""The recall curve of errors over many pairs: its area, and the shares below a bound."""
from collections.abc import Sequence

import numpy as np

from ...core.errors import ConfigError, ShapeError


def recall_auc(errors: Sequence[float] | np.ndarray, limit: float) -> float:
    """
    Integrate the recall curve from zero to a bound, exactly.

    The curve of SuperGlue (Sarlin et al., CVPR 2020) and LoFTR (Sun et al., CVPR 2021): with
    the errors ``e_1 <= ... <= e_n`` it runs straight through (0, 0), ``(e_1, 1/n)`` ...
    ``(e_n, 1)`` up to the last error below the bound, and stays level from there to it.

    :param errors: (N,), not negative; infinite or NaN is a failure, which is never recalled.
    :param limit: the bound, > 0.
    :returns: area over the bound, 0 to 1; NaN without any error.
    :raises ShapeError: if ``errors`` is not one-dimensional.
    :raises ConfigError: if an error is negative or the bound is not positive.
    """
    values = _checked(errors, limit)
    if not values.size:
        return float('nan')
    below = np.sort(values[values < limit])
    places = np.concatenate(([0.0], below, [limit]))
    recall = np.concatenate((np.arange(below.size + 1), [below.size])) / values.size
    return float(np.sum(np.diff(places) * (recall[1:] + recall[:-1]) / 2) / limit)


def share_within(errors: Sequence[float] | np.ndarray, limit: float) -> float:
    """
    Share of errors that are not above a bound.

    :param errors: (N,), not negative; infinite or NaN is a failure.
    :param limit: the bound, > 0.
    :returns: 0 to 1; NaN without any error.
    :raises ShapeError: if ``errors`` is not one-dimensional.
    :raises ConfigError: if an error is negative or the bound is not positive.
    """
    values = _checked(errors, limit)
    return float(np.mean(values <= limit)) if values.size else float('nan')


def _checked(errors: Sequence[float] | np.ndarray, limit: float) -> np.ndarray:
    """(N,) float64; failures are infinite."""
    values = np.asarray(errors, np.float64)
    if values.ndim != 1:
        raise ShapeError(f'errors must be (N,), got {values.shape}')
    if (values < 0).any():
        raise ConfigError(f'errors must not be negative, got {values.min():g}')
    if not 0 < limit < np.inf:
        raise ConfigError(f'the bound of errors must be a positive number, got {limit}')
    return np.where(np.isnan(values), np.inf, values)
