"""The command lines of the documentation, and what is wrong with them."""
import argparse
from collections.abc import Iterator
import contextlib
from functools import lru_cache
import importlib
import io
from itertools import pairwise
from pathlib import Path
import re
import shlex

from launch_arguments import launch_arguments

from panmatch_ros.cli.main import VERBS, build_parser

ROOT = Path(__file__).parents[2]
OURS = re.compile(r'panmatch \S|panmatch_(?:\w+_node|\w+_player|recorder)\b|make \w|'
                  r'ros2 (?:launch|run) panmatch_ros |ros2 param set |python \S+\.py')
QUOTED = re.compile(r"""(?<=['"])[^'"]*\b(ros2 launch panmatch_ros [^'"]*)""")  # in a shell's -c
SUMMARY_LINE = re.compile(r'panmatch (\w+) {2,}([^#\s-].*)')  # 'panmatch VERB   what it does'


def in_blocks(text: str) -> list[str]:
    """
    Give our command lines in the fenced blocks of a page.

    Lines that end with a backslash are joined with the next one; comments stay.
    """
    blocks = re.findall(r'^ *```[^\n]*\n(.*?)^ *```', text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks
             for line in re.sub(r'\\\n', ' ', block).splitlines()]
    return list(commands_of(lines))


def in_comments(text: str) -> list[str]:
    """Give our command lines in a file: indented, in a comment at the left or a docstring."""
    joined = re.sub(r'\\\n#? *', '', text)
    return list(commands_of(re.findall(r'^(?:# {2,}| {4})(\w.*)', joined, re.MULTILINE)))


def commands_of(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if quoted := QUOTED.search(line):
            yield quoted[1]
        yield from (part for part in line.split(' && ') if OURS.match(part))


def in_the_text(text: str) -> list[str]:
    """Give our command lines between backticks, which may be a part of one."""
    text = re.sub(r'^ *```.*?^ *```', '', text, flags=re.DOTALL | re.MULTILINE)
    return [' '.join(code.split()) for code in re.findall('`([^`]+)`', text)
            if OURS.match(code) or re.fullmatch(r'panmatch [a-z]+', code)]


def problem(command: str) -> str:
    """Say what is wrong with a whole command line; empty if nothing."""
    if summary := SUMMARY_LINE.fullmatch(command):
        return wrong_summary(*summary.groups())
    words = shlex.split(command, comments=True)
    missing = [word for word in words if re.match(r'(config|test|benchmarks|tools)/', word)
               and not (ROOT / word).exists()]
    if missing:
        return f'{missing[0]} does not exist'
    if words[0] == 'panmatch':
        return wrong_arguments(words[1:])
    return problem_outside(words)


def problem_of_a_part(command: str) -> str:
    """Say what is wrong with a command line of which something may be left out."""
    words = command.removeprefix('ros2 run panmatch_ros panmatch').split()
    if not words:
        return ''
    if words[0] != 'panmatch':
        return problem(command)
    if words[1] in ('VERB', '-V', '--help', '--version'):
        return ''
    if words[1] not in VERBS:
        return f'there is no verb {words[1]}'
    known = options_of(parsers()[words[1]])
    unknown = [word for word in words[2:] if word.startswith('--') and word not in known]
    return f'panmatch {words[1]} has no {unknown[0]}' if unknown else ''


def problem_outside(words: list[str]) -> str:
    """Say what is wrong with a command that is not of ``panmatch``."""
    if words[0] == 'make':
        targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
        return '' if words[1] in targets else f'make has no target {words[1]}'
    if words[0] == 'python':
        return '' if (ROOT / words[1]).is_file() else f'{words[1]} does not exist'
    if words[:3] == ['ros2', 'param', 'set']:
        return wrong_parameters(words[3].lstrip('/'), [words[4]])
    if words[:2] == ['ros2', 'launch']:
        return wrong_launch(words[3].removesuffix('.launch.py'), words[4:])
    if words[:2] == ['ros2', 'run']:
        return (wrong_arguments(words[4:]) if words[3] == 'panmatch' else
                wrong_node(words[3], words[4:]))
    if f"'{words[0]} = " not in (ROOT / 'setup.py').read_text():
        return f'setup.py has no {words[0]}'
    return wrong_node(words[0].removeprefix('panmatch_'), words[1:])


def wrong_summary(verb: str, text: str) -> str:
    if verb not in VERBS:
        return f'there is no verb {verb}'
    summary = importlib.import_module(f'panmatch_ros.cli.{VERBS[verb]}').SUMMARY
    return '' if text == summary else f'panmatch {verb} says: {summary}'


def wrong_arguments(arguments: list[str]) -> str:
    """Parse the arguments of ``panmatch`` without running it."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            build_parser().parse_args(arguments)
        except SystemExit as end:
            if end.code != 0:
                return said.getvalue().strip().splitlines()[-1]
    return ''


def wrong_launch(task: str, words: list[str]) -> str:
    if not (ROOT / 'launch' / f'{task}.launch.py').is_file():
        return f'there is no launch/{task}.launch.py'
    given = [word.partition(':=')[0] for word in words if ':=' in word]
    unknown = [name for name in given if name not in launch_arguments(task)]
    return f'{task}.launch.py has no argument {unknown[0]}' if unknown else ''


def wrong_node(executable: str, words: list[str]) -> str:
    if not (ROOT / 'scripts' / executable).is_file():
        return f'there is no scripts/{executable}'
    given: dict[str, list[str]] = {'-p': [], '-r': []}
    for option, value in pairwise(words):
        if option in given:
            given[option].append(value.partition(':=')[0])
    node = executable.removeprefix('managed_')
    return wrong_parameters(node, given['-p']) or wrong_topics(node, given['-r'])


def wrong_parameters(node: str, given: list[str]) -> str:
    page = ROOT / 'docs' / 'nodes' / f'{node}.md'
    if not page.is_file():  # not a node of ours
        return ''
    table = page.read_text().partition(f'<!-- parameters of {node} -->')[2]
    unknown = [name for name in given if name not in names_in(table)]
    return f'{node} has no parameter {unknown[0]}' if unknown else ''


def wrong_topics(node: str, given: list[str]) -> str:
    page = (ROOT / 'docs' / 'nodes' / f'{node}.md').read_text()
    section = page.partition('\n## Topics\n')[2].partition('\n## ')[0]
    known = names_in(section)
    if 'each of the bag' in section:  # whatever their names
        return ''
    unknown = [name for name in given if name not in known and not name.startswith('__')]
    return f'{node} has no topic {unknown[0]}' if unknown else ''


def names_in(table: str) -> set[str]:
    """Give the names in the first column of a table."""
    return {name for line in table.splitlines() if line.startswith('| `')
            for name in re.findall('`([^`]+)`', line.split('|')[1])}


@lru_cache(maxsize=1)
def parsers() -> dict[str, argparse.ArgumentParser]:
    """Give the parser of each verb."""
    return dict(children(build_parser()))


def children(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Give the options of a verb and of what is below it."""
    own = {option for action in parser._actions for option in action.option_strings}
    return own.union(*(options_of(child) for _, child in children(parser)))
