"""Python's logging in the log of ROS."""
import logging

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from panmatch_ros.inference import engine_programs
from panmatch_ros.inference.backends import choose
from panmatch_ros.nodes.log_forwarding import forwarded_logging

pytestmark = pytest.mark.ros


class Logger:
    """Stands for the logger of a node; its calls are kept."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, severity):
        return lambda text: self.calls.append((severity, text))


def test_records_of_the_package_are_forwarded_with_their_severity():
    logger = Logger()
    with forwarded_logging(logger):
        choose.log.debug('no')
        choose.log.info('read %s', 'a')
        choose.log.warning('instead %d', 2)
        choose.log.error('bad')
        choose.log.critical('worse')
        logging.getLogger('others').error('not ours')
    assert logger.calls == [('info', 'read a'), ('warning', 'instead 2'), ('error', 'bad'),
                            ('error', 'worse')]


def test_an_error_that_nobody_expected_comes_with_its_traceback():
    logger = Logger()
    with forwarded_logging(logger):
        try:
            raise RuntimeError('a bug')
        except RuntimeError as error:
            engine_programs.log.error('no engine', exc_info=error)
    (severity, text), = logger.calls
    assert severity == 'error'
    assert text.startswith('no engine\nTraceback')
    assert 'RuntimeError: a bug' in text


def test_what_the_node_says_as_status_is_not_said_twice():
    logger = Logger()
    with forwarded_logging(logger):
        engine_programs.log.error('no engine for flow')
        engine_programs.log.info('building the engine for flow')
    assert logger.calls == [('info', 'building the engine for flow')]


def test_nothing_stays_behind():
    package = logging.getLogger('panmatch_ros')
    before = (list(package.handlers), package.level)
    logger = Logger()
    with pytest.raises(KeyboardInterrupt), forwarded_logging(logger):
        raise KeyboardInterrupt
    assert (package.handlers, package.level) == before
    choose.log.warning('later')
    assert logger.calls == []
