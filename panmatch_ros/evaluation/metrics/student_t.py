"""Quantiles of Student's t distribution."""
from functools import cache
import math

_HALVINGS = 200  # far more than a floating point number has digits


@cache
def t_quantile(share: float, freedom: int) -> float:
    """
    Give the value that a t distributed number does not exceed with a probability.

    :param share: the probability, 0.5 to below 1.
    :param freedom: degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while t_share(high, freedom) < share:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if t_share(middle, freedom) < share:
            low = middle
        else:
            high = middle
    return high


def t_share(value: float, freedom: int) -> float:
    """
    Tell how probable it is that a t distributed number does not exceed a value.

    The finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.

    :param value: not negative.
    :param freedom: degrees of freedom, at least 1.
    """
    angle = math.atan(value / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2 == 1
    term, total = cosine if is_odd else 1.0, 0.0
    for power in range(1 if is_odd else 0, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (power + 1) / (power + 2)
    within = 2 / math.pi * (angle + sine * total) if is_odd else sine * total
    return 0.5 + 0.5 * within
