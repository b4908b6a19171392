"""The command itself: help, version, exit status, what errors look like."""
import importlib.metadata
from pathlib import Path
import subprocess
import sys
import textwrap

import pytest

from panmatch_ros.cli import doctor, network_options
from panmatch_ros.cli.main import VERBS
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.factory import MATCHER_NAMES, PANMATCH_NAMES


def test_help_starts_with_examples(panmatch):
    result = panmatch('--help')
    assert result.status == 0
    assert result.out.startswith('examples:\n  panmatch demo ')
    assert all(f'    {verb} ' in result.out for verb in VERBS)


@pytest.mark.parametrize('verb', sorted(VERBS))
def test_help_of_each_verb_starts_with_examples(panmatch, verb):
    result = panmatch(verb, '--help')
    assert result.status == 0
    assert result.out.startswith(f'examples:\n  panmatch {verb}')
    assert result.out.index('usage:') > result.out.index('# ')


def test_version(panmatch):
    result = panmatch('--version')
    assert result.status == 0
    assert result.out == f'panmatch {importlib.metadata.version("panmatch_ros")}\n'


@pytest.mark.parametrize('arguments', [
    (), ('no_such_verb',), ('match',), ('match', 'a.png', 'b.png'), ('evaluate',),
    ('match', 'a', 'b', '--out', 'c', '--task', 'x'),
    ('match', 'a', 'b', '--out', 'c', '--matcher', 'x'),
    ('match', 'a', 'b', '--out', 'c', '--min-confidence', '1.5'),
    ('match', 'a', 'b', '--out', 'c', '--max-disparity', 'nan'),
    ('match', 'a', 'b', '--out', 'c', '--max-matches', '0'),
    ('match', 'a', 'b', '--out', 'c', '--max-matches', '1.5'),
    ('match', 'a', 'b', '--out', 'c', '--over'),
    ('evaluate', 'a', '--scale', '0'),
])
def test_wrong_command_line(panmatch, arguments):
    result = panmatch(*arguments)
    assert result.status == 2
    assert 'usage: panmatch' in result.err
    assert result.out == ''


def fails_with(monkeypatch, error):
    def run(args):
        raise error
    monkeypatch.setattr(doctor, 'run', run)


@pytest.mark.parametrize(('error', 'text'), [
    (ConfigError('two\nlines'), 'two lines'),
    (FileNotFoundError(2, 'No such file or directory', '/x/y'),
     '/x/y: No such file or directory'),
    (OSError('disk full'), 'disk full'),
    (ModuleNotFoundError('No module named cv2', name='cv2'),
     'the Python package cv2 is not installed; `panmatch doctor` says what is missing'),
])
def test_known_errors_are_one_line(panmatch, monkeypatch, error, text):
    fails_with(monkeypatch, error)
    result = panmatch('doctor')
    assert result.status == 1
    assert result.err == f'panmatch doctor: error: {text}\n'
    assert result.out == ''


def test_unknown_errors_have_a_traceback_and_say_where_to_report(panmatch, monkeypatch):
    fails_with(monkeypatch, RuntimeError('boom'))
    result = panmatch('doctor')
    assert result.status == 1
    lines = result.err.strip().splitlines()
    assert lines[0] == 'Traceback (most recent call last):'
    assert lines[-2] == 'RuntimeError: boom'
    assert 'Please report it' in lines[-1]


def test_interrupt(panmatch, monkeypatch):
    fails_with(monkeypatch, KeyboardInterrupt())
    result = panmatch('doctor')
    assert (result.status, result.err) == (130, 'panmatch: interrupted\n')


def test_matcher_choices_are_those_of_the_factory():
    assert network_options.MATCHERS == MATCHER_NAMES
    assert network_options.PANMATCH == PANMATCH_NAMES


@pytest.mark.parametrize('arguments', [['--help'], ['match', '--help'], ['evaluate', '--help'],
                                       ['doctor', '--help'], ['--version'], ['match']])
def test_parsing_imports_nothing_heavy(arguments, tmp_path):
    code = textwrap.dedent(f"""
        import sys
        from panmatch_ros.cli.main import main
        main({arguments!r})
        heavy = {{'numpy', 'cv2', 'torch', 'yaml', 'rclpy', 'onnxruntime'}} & set(sys.modules)
        sys.exit(f'imported {{heavy}}' if heavy else 0)
    """)
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_console_script(tmp_path, stereo_pair):
    script = Path(sys.executable).with_name('panmatch')
    if not script.exists():
        pytest.skip('the console script panmatch is not installed: pip install -e .')
    out = tmp_path / 'out'
    command = [script, 'match', *stereo_pair, '--task', 'stereo', '--out', out]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (out / 'disparity.npy').exists()
    again = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert again.returncode == 1
    assert 'is not empty' in again.stderr
    assert 'Traceback' not in again.stderr


def test_a_reader_that_goes_away_is_no_error_message(tmp_path):
    code = 'import sys; from panmatch_ros.cli.main import main; sys.exit(main(["doctor"]))'
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 1
    assert errors == ''
