"""Values that stereo_image_proc and Isaac ROS take and our matchers do not: what they become."""
from types import SimpleNamespace
from typing import Any

from ..core.errors import ConfigError
from ..inference.classical import ClassicalMatcher
from ..inference.classical_config import LIMITS, RANGE_STEP_PX, penalties
from ..inference.matcher import Matcher

JUST_BELOW_ZERO = -1e-3  # end of a search; 0 would choose it automatically
LARGEST_WINDOW_PX = LIMITS['correlation_window_size'][1]
FARTHEST_PX = LIMITS['max_disparity'][1]


def end_of_search(values: SimpleNamespace) -> float:
    """End of the disparities that are searched, pixels; 0 chooses by the width of the image."""
    if values.max_disparity or not values.disparity_range:
        return values.max_disparity
    return values.min_disparity + values.disparity_range or JUST_BELOW_ZERO


def for_classical(given: dict[str, Any]) -> dict[str, Any]:
    """
    Bring options of the classical matcher within its limits.

    :param given: options by their names; some may be missing.
    :returns: a copy.
    :raises ConfigError: if the window is even, or the end of the range before its start.
    """
    usable = dict(given)
    window = given.get('correlation_window_size', 0)
    if window > LARGEST_WINDOW_PX:
        if window % 2 == 0:
            raise ConfigError(f'correlation_window_size must be odd, got {window}')
        usable['correlation_window_size'] = LARGEST_WINDOW_PX
    if 'P1' in given:
        P1, P2 = penalties(given['P1'], given['P2'], usable['correlation_window_size'])
        if P2 <= P1:
            usable['P2'] = P1 + 1
    if 'min_disparity' in given:
        usable.update(_searchable(given['min_disparity'], given['max_disparity']))
    return usable


def _searchable(start: float, end: float) -> dict[str, float]:
    """Move a range, whose end is 0 if it is automatic, to where the classical matcher reaches."""
    lowest = LIMITS['min_disparity'][0]
    reached = min(max(start, lowest), FARTHEST_PX - RANGE_STEP_PX)
    if not end:
        return {'min_disparity': reached}
    if end <= start:
        raise ConfigError('max_disparity must be larger than min_disparity, or 0 for automatic, '
                          f'got {end:g} and {start:g}')
    if reached != start:
        end = max(end, reached + RANGE_STEP_PX)
    return {'min_disparity': reached, 'max_disparity': min(end, FARTHEST_PX)}


def remarks(values: SimpleNamespace, width: int, *, is_classical: bool) -> list[str]:
    """
    Say which values are not taken as they are.

    :param values: parameters of a stereo node.
    :param width: of the images, pixels.
    :param is_classical: whether the classical matcher computes.
    """
    found = _of_the_range(values.min_disparity, end_of_search(values), width)
    if is_classical:
        found += _of_classical(values, width)
    return found


def _of_the_range(start: float, end: float, width: int) -> list[str]:
    if start >= width or end <= -width:
        which, limit = ('starts', start) if start >= width else ('ends', end)
        return [f'the search {which} at a disparity of {limit:g} px, beyond the width of the '
                f'images ({width} px): there is nothing to be found']
    if end > width:
        return [f'the search ends at the width of the images ({width} px): the {end:g} px of '
                'max_disparity, or of min_disparity + disparity_range, are no limit']
    return []


def _of_classical(values: SimpleNamespace, width: int) -> list[str]:
    found, window = [], values.correlation_window_size
    if window > LARGEST_WINDOW_PX:
        found.append(f'correlation_window_size is {LARGEST_WINDOW_PX} instead of {window}: the '
                     'classical matcher sums costs as 16 bits, which larger windows overflow')
        window = LARGEST_WINDOW_PX
    P1, P2 = penalties(values.P1, values.P2, window)
    if P2 <= P1:
        found.append(f'P2 is {P1 + 1} instead of {P2}: it has to be larger than P1, and OpenCV '
                     'takes P1 + 1 where it is not')
    lowest = LIMITS['min_disparity'][0]
    farthest = max(values.min_disparity, end_of_search(values))
    if (farthest > FARTHEST_PX or values.min_disparity < lowest) and width > FARTHEST_PX:
        found.append(f'the classical matcher finds disparities from {lowest} to {FARTHEST_PX} px '
                     'only, as it keeps them as 16 bits')
    return found


class ForeignValuesLog:
    """
    Warn of values that are not taken as they are, once each; the worker thread calls.

    :param logger: of the node.
    """

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._last: tuple[Any, ...] = (None,)
        self._said: set[str] = set()

    def look(self, values: SimpleNamespace, width: int, matcher: Matcher) -> None:
        """
        Look at the values of a frame; those of the last one are not looked at again.

        :param values: parameters of the node.
        :param width: of the images, pixels.
        :param matcher: that computes.
        """
        if values is self._last[0] and (width, matcher.name) == self._last[1:]:
            return
        self._last = (values, width, matcher.name)
        is_classical = matcher.name == ClassicalMatcher.name
        for remark in remarks(values, width, is_classical=is_classical):
            if remark not in self._said:
                self._said.add(remark)
                self._logger.warning(remark)
