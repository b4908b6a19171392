"""Compare what a matcher node publishes with its input and with ground truth, while it runs."""
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.logging import get_logger
from rclpy.node import Node
from std_srvs.srv import Trigger

from ..core.errors import ConfigError, PanMatchError
from ..evaluation.recordings.frame_evaluator import EvaluationOptions, FrameEvaluator, Remarks
from ..evaluation.recordings.live_frames import LiveFrames
from ..evaluation.recordings.recording_report import RunReport
from ..evaluation.recordings.recording_results import WRITTEN, RecordingResults
from ..inference.factory import create_matcher
from .diagnostics import ThrottledLog
from .evaluator_inputs import EvaluatorInputs
from .evaluator_parameters import EVALUATOR_NODE, check_values, matcher_options_of
from .process import run_node
from .queue_worker import QueueWorker
from .settings import Settings


class EvaluatorNode(Node):
    """
    Scores every frame whose input and result arrive here, as ``panmatch bag`` does offline.

    The files are written when the node ends, and when ``~/save`` is called. Topics and
    parameters: ``docs/nodes/evaluator_node.md``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('evaluator_node', **kwargs)
        self.settings = Settings(self, EVALUATOR_NODE, check_values).values
        values, self.log = self.settings, ThrottledLog(self)
        self._failed, self._has_ended = Remarks(), False
        self.worker = QueueWorker(self._on_error, values.queue_limit)
        inputs = EvaluatorInputs(self, values, self.worker.submit)
        truths, results = inputs.truth_topics(), inputs.result_topics()
        back = (create_matcher(values.matcher, matcher_options_of(values))
                if values.check_consistency else None)
        folder = Path(values.out)
        existing = [name for name in WRITTEN if (folder / name).exists()]
        if existing and not values.overwrite:
            raise ConfigError(f'{folder / existing[0]} exists; name another folder in out, or set '
                              'overwrite')
        self.results = RecordingResults(folder, values.task, truths, back is not None)
        self._evaluator = FrameEvaluator(truths, self.results.add, EvaluationOptions(
            values.truth_tolerance_seconds, values.max_depth_m))
        self._live = LiveFrames(results, self._evaluator.add, back)
        self._inputs, self._topics = inputs, {**results, **truths}
        inputs.connect(self._live, self._evaluator)
        self.create_service(Trigger, '~/save', self._on_save)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # ROS time stands still while a bag is paused; this timer must not.
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def counts(self) -> dict[str, int]:
        """How many of what there was."""
        inputs = self._live.inputs
        assert inputs is not None  # they are connected
        return {'images': sum(inputs.received), 'inputs': inputs.number,
                'frames_predicted': self._live.predicted,
                'frames_not_predicted': self._live.unpredicted,
                'frames_failed': sum(self._live.failed.counts().values()),
                'frames_scored': len(self.results.table),
                'images_unpaired': inputs.unpaired, 'images_late': inputs.late,
                'time_jumps': inputs.run, 'messages_lost_here': self.worker.refused,
                **{f'{kind}_messages': number
                   for kind, number in self._evaluator.received.items()}}

    def save(self) -> list[Path]:
        """Write the files, of what was scored so far."""
        values = self.settings
        report = RunReport('panmatch evaluator_node', f'{values.task} of '
                           f'{", ".join(self._topics.values())}', self.counts, self._problems(),
                           [f'{text} ({count} times)' for text, count in
                            self._evaluator.remarks.counts().items()])
        return self.results.write(report, {
            'task': values.task, 'topics': {**self._topics, **self._inputs.received},
            'options': dict(vars(values))})

    def stop(self) -> bool:
        """
        Work on what waits, and write the files; called before the node is destroyed.

        :returns: whether the thread has ended.
        """
        if self._has_ended:
            return True
        self._has_ended = self.worker.stop(self._end)
        return self._has_ended

    def _end(self) -> None:
        self._live.flush()
        self._evaluator.flush()
        folder = self.save()[0].parent
        self.results.close()
        # Not the logger of the node: after Ctrl-C it cannot publish any more.
        log = get_logger('panmatch_ros')
        for problem in self._problems():
            log.warning(problem)
        log.info(f'{len(self.results.table)} frames are scored: {folder}')

    def _problems(self) -> list[str]:
        silent = self._inputs.silent()
        found = [f'no message on {", ".join(silent)}'] if silent else []
        if self.worker.refused:
            found.append(f'{self.worker.refused} messages were lost because the evaluation is '
                         'slower than they come: play slower, or raise queue_limit')
        for remarks in (self._live.failed, self._failed):
            found += [f'{text} ({count} times)' for text, count in remarks.counts().items()]
        return found + (self._evaluator.problems() if len(self.results.table) else [])

    def _on_save(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        # In the thread, which is the only one that changes the scores.
        response.success = self.worker.submit(self.save)
        response.message = f'writing to {self.settings.out}' if response.success else 'too busy'
        return response

    def _on_error(self, error: Exception) -> None:
        text = str(error) if isinstance(error, PanMatchError) else (
            f'unexpected error, please report it: {error!r}')
        self._failed.add(text)
        self.log.error(text)

    def _report(self) -> None:
        problems = self._problems()
        status = DiagnosticStatus(name=self.get_fully_qualified_name().lstrip('/'))
        status.level = DiagnosticStatus.WARN if problems else DiagnosticStatus.OK
        status.message = (problems[0] if problems else
                          f'{len(self.results.table)} frames are scored')
        status.values = [KeyValue(key=key, value=str(value)) for key, value in {
            **self.counts, 'messages_waiting': self.worker.unfinished}.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(EvaluatorNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
