"""Lines where nobody looks, a bar in a terminal."""
import io
import sys
import time

import pytest

from panmatch_ros.cli.progress import Progress, duration, progress


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    return now


def test_lines_tell_the_time_that_is_left(capsys, clock):
    with progress('evaluate', 4, 'matching') as shown:
        clock[0] = 20.0
        shown.step('a')
        shown.note('look')
        clock[0] = 21.0
        shown.step('b')
        clock[0] = 24.0
        shown.advance()
        shown.step('d')
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.splitlines() == [
        'panmatch evaluate: [1/4] a; about 60 s left', 'panmatch evaluate: look',
        'panmatch evaluate: [2/4] b; about 21 s left', 'panmatch evaluate: [4/4] d']


def test_a_terminal_has_a_bar(monkeypatch):
    pytest.importorskip('tqdm', reason='tqdm is not installed')
    terminal = Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)
    with progress('evaluate', 2, 'matching') as shown:
        shown.step('a')
        shown.note('look')
        shown.advance()
    text = terminal.getvalue()
    assert 'matching: 100%' in text
    assert '2/2' in text
    assert 'panmatch evaluate: look' in text
    assert '[1/2] a' not in text


def test_a_terminal_without_tqdm_has_lines(monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    terminal = Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)
    shown = Progress('evaluate', 2, 'matching')
    shown.step('a')
    shown.close()
    assert terminal.getvalue() == 'panmatch evaluate: [1/2] a\n'


@pytest.mark.parametrize(('seconds', 'text'), [(8, '8 s'), (99, '99 s'), (150, '2 min'),
                                               (9000, '2.5 h')])
def test_durations(seconds, text):
    assert duration(seconds) == text
