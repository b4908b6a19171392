"""Two images in; sparse matches, the relative pose of their cameras and a picture out."""
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from ..core.correspondence import confident_share
from ..core.errors import ImageError
from ..inference.unequal_sizes import match_any_sizes
from .base_node import MatcherNode
from .diagnostics import own_messages
from .match_outputs import Match, MatchOutputs
from .match_parameters import MATCH_NODE, match_options
from .match_pose import PoseReport
from .match_views import make_views
from .process import run_node
from .statistics import FrameTimes, StopWatch


class MatchNode(MatcherNode):
    """
    Matches two images, of two topics or of one topic and a reference.

    Topics, parameters and frames: ``docs/nodes/match_node.md``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('match_node', 'flow', MATCH_NODE, match_options, **kwargs)
        messages = own_messages()
        if messages:
            self.add_output('correspondences', messages.Correspondences)
        for name, message_type in (('pose', PoseStamped), ('pose/status', DiagnosticArray),
                                   ('matches/image_color', Image)):
            self.add_output(name, message_type)
        self._views = make_views(self, self.settings.reference)
        self._messages = MatchOutputs(self.get_fully_qualified_name().lstrip('/'))
        self._pose_report = PoseReport(self.log)
        self._share: float | None = None  # of the last pair
        self.create_service(Trigger, 'set_reference', self._on_set_reference)
        self.add_inputs(self._views.topics)

    def _on_set_reference(self, request: Any, response: Any) -> Any:
        problem = self._views.set_reference()
        response.success = not problem
        response.message = problem or 'the next image becomes the keyframe'
        return response

    def size_of(self, item: Any) -> tuple[int, int]:
        return self._views.size_of(item)

    def check_pending(self) -> None:
        self._pose_report.check()

    def forget_pending(self) -> None:
        self._views.forget()

    def sync_failures(self) -> int:
        return self._views.failures()

    def input_problem(self) -> str:
        return super().input_problem() or self._views.problem()

    def output_problem(self) -> str:
        return self._pose_report.problem if self.wanted() else ''

    def report_details(self) -> dict[str, Any]:
        share = self._share
        return {'reference': self._views.describe(),
                'confident_share': '' if share is None else f'{share:.3f}',
                **self._pose_report.values()}

    def process(self, item: Any, wanted: frozenset[str]) -> tuple[Header, FrameTimes] | None:
        watch, times = StopWatch(), FrameTimes()
        views = self._views.views(item)
        if views is None:
            return None
        first, second = views
        times.height, times.width = first.pixels.shape[:2]
        times.preprocess_ms = watch.lap_ms()
        try:
            result = match_any_sizes(self.matcher, first.pixels, second.pixels)
        except ImageError:
            self._views.refuse()
            raise
        times.inference_ms = watch.lap_ms()
        share = confident_share(result, self.settings.confidence_threshold)
        details = {'reference': self._views.describe(), 'confident_share': f'{share:.3f}'}
        match = Match(*self._views.calibrated(first, second), result, details)
        for name, message in self._messages.messages(match, self.settings, wanted):
            times.postprocess_ms += watch.lap_ms()
            self.outputs[name].publish(message)
            times.publish_ms += watch.lap_ms()
        self._share = share
        self._pose_report.note(self._messages.pose)
        self._views.note_share(second, share)
        return second.header, times


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(MatchNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
