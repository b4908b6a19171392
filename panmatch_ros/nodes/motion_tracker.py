"""From views with poses to depth: the keyframes of motion_depth_node and what it says of them."""
import math
from types import SimpleNamespace
from typing import Any

from ..core.errors import MotionError
from ..core.keyframes import KeyframeLimits, Keyframes, View
from ..core.motion_depth import MotionDepth, depth_from_motion, require_depth
from ..inference.matcher import Matcher


class MotionTracker:
    """
    Matches each view to an earlier one; the worker thread calls, another may read the report.

    ``problem`` is why the last view got no depth, empty if it got one.
    """

    def __init__(self) -> None:
        self.problem = ''
        self._keyframes = Keyframes()
        self._sequence: tuple[int, ...] = ()
        self._refused = 0
        self._numbers = dict.fromkeys(
            ('baseline_m', 'rotation_deg', 'keyframe_age_s', 'parallax_px', 'fitting_share'),
            math.nan)

    def depth(self, view: View, sequence: int, matcher: Matcher,
              settings: SimpleNamespace) -> MotionDepth | None:
        """
        Give the depth of a view.

        :param view: newer than the ones before it in its sequence.
        :param sequence: number of the run of images that it belongs to.
        :param matcher: what matches.
        :param settings: parameters of the node.
        :returns: None for the first view of a sequence or of another size.
        :raises MotionError: if the motion tells no depth; it is in the report too.
        """
        now = (sequence, *view.image.shape[:2])
        if now != self._sequence:
            self._sequence, self.problem = now, ''
            self._keyframes.clear()
            self._keyframes.add(view, _limits(settings))
            return None
        try:
            result = self._depth(view, matcher, settings)
        except MotionError as error:
            self._refused += 1
            self.problem = f'no depth: {error}'
            raise
        self.problem = ''
        return result

    @property
    def baseline_m(self) -> float:
        """Distance of the two places that the last depth is from, metres."""
        return self._numbers['baseline_m']

    def details(self) -> dict[str, Any]:
        """Give the last numbers, for /diagnostics."""
        return {'frames_refused': self._refused,
                **{name: f'{value:.3g}' for name, value in self._numbers.items()}}

    def _depth(self, view: View, matcher: Matcher, settings: SimpleNamespace) -> MotionDepth:
        try:
            motion = self._keyframes.choose(view, _limits(settings))
        finally:
            self._keyframes.add(view, _limits(settings))
        match = matcher.match(view.image, motion.keyframe.image)
        result = depth_from_motion(match, view.K, motion.keyframe.K, motion.T_key_new,
                                   min_parallax_px=settings.min_parallax_px,
                                   max_epipolar_error_px=settings.max_epipolar_error_px)
        self._numbers = {
            'baseline_m': motion.baseline_m, 'rotation_deg': motion.rotation_deg,
            'keyframe_age_s': (view.stamp_ns - motion.keyframe.stamp_ns) / 1e9,
            'parallax_px': result.parallax_px, 'fitting_share': result.fitting}
        has_failed = not result.fitting >= settings.min_fitting_share  # it may be NaN
        self._keyframes.learn(motion.baseline_m, math.nan if has_failed else result.parallax_px)
        require_depth(result, settings.min_parallax_px, settings.min_fitting_share)
        return result


def _limits(settings: SimpleNamespace) -> KeyframeLimits:
    return KeyframeLimits(settings.min_baseline_m, settings.max_rotation_deg,
                          settings.max_keyframe_age_s, settings.target_parallax_px)
