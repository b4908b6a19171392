"""Command lines in the documentation are those of the programs that there are; nothing is run."""
from pathlib import Path
import re

from commands import (
    ROOT,
    SUMMARY_LINE,
    in_blocks,
    in_comments,
    in_the_text,
    options_of,
    parsers,
    problem,
    problem_of_a_part,
)
import pytest

from panmatch_ros.cli.main import VERBS

PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'), *ROOT.glob('config/**/*.md')])
OPTION = re.compile(r'--[a-z][a-z0-9-]+')
FILES = sorted([*ROOT.glob('config/**/*.yaml'), *ROOT.glob('launch/*.py')])  # in their comments


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_commands_of_a_page(page):
    text = page.read_text(encoding='utf-8')
    found = {command: problem(command) for command in in_blocks(text)}
    found |= {command: problem_of_a_part(command) for command in in_the_text(text)}
    assert {command: what for command, what in found.items() if what} == {}


@pytest.mark.parametrize('file', FILES, ids=name_of)
def test_commands_of_a_file(file):
    found = {command: problem(command)
             for command in in_comments(file.read_text(encoding='utf-8'))}
    assert {command: what for command, what in found.items() if what} == {}


def test_there_are_commands_to_look_at():
    found = [command for page in PAGES for command in in_blocks(page.read_text(encoding='utf-8'))]
    found += [command for file in FILES for command in in_comments(file.read_text())]
    for beginning, least in (('panmatch ', 80), ('ros2 launch panmatch_ros ', 40),
                             ('ros2 run panmatch_ros ', 12), ('make ', 3)):
        assert sum(command.startswith(beginning) for command in found) >= least, beginning


def test_page_of_the_command_names_every_verb():
    text = (ROOT / 'docs' / 'cli.md').read_text(encoding='utf-8')
    listed = [line[1] for command in in_blocks(text) if (line := SUMMARY_LINE.fullmatch(command))]
    assert sorted(listed) == sorted(VERBS)


@pytest.mark.parametrize('verb', VERBS)
def test_page_of_the_command_has_the_options_of_a_verb(verb):
    text = (ROOT / 'docs' / 'cli.md').read_text(encoding='utf-8')
    section = text.partition(f'\n## panmatch {verb}\n')[2].partition('\n## ')[0]
    known = {option for option in options_of(parsers()[verb]) if option.startswith('--')}
    rows = ' '.join(line.split('|')[1] for line in section.splitlines() if line.startswith('| `'))
    assert set(OPTION.findall(rows)) - known == set()
    # Those that several verbs share stand in one section.
    assert known - set(OPTION.findall(text)) == set()


@pytest.mark.parametrize(('command', 'what'), [
    ('panmatch match a.png b.png --out out  # comment', ''),
    ('panmatch match a.png b.png --out out --nothing', 'error: unrecognized arguments: --nothing'),
    ('panmatch match a.png b.png --task other', "invalid choice: 'other'"),
    ('panmatch paint a.png', "invalid choice: 'paint'"),
    ('panmatch train config/train/other.yaml', 'config/train/other.yaml does not exist'),
    ('panmatch doctor   makes coffee', 'panmatch doctor says: say what is installed'),
    ('ros2 launch panmatch_ros replay.launch.py bag:=a ground_truth_flow:=b', ''),
    ('ros2 launch panmatch_ros stereo.launch.py image:=a',
     'stereo.launch.py has no argument image'),
    ('ros2 launch panmatch_ros other.launch.py', 'there is no launch/other.launch.py'),
    ('ros2 run panmatch_ros managed_stereo_node --ros-args -r left/image_rect:=/a -p P1:=1.0', ''),
    ('ros2 run panmatch_ros stereo_node --ros-args -p other:=1', 'has no parameter other'),
    ('ros2 run panmatch_ros stereo_node --ros-args -r image:=/a', 'has no topic image'),
    ('ros2 run panmatch_ros other_node', 'there is no scripts/other_node'),
    ('ros2 param set /flow_node min_disparity 1.0', 'flow_node has no parameter min_disparity'),
    ('ros2 param set /camera/camera gain 1', ''),
    ('panmatch_flow_node --ros-args -p warm_start:=true', ''),
    ('panmatch_other_node', 'setup.py has no panmatch_other_node'),
    ('make coffee', 'make has no target coffee'),
    ('python benchmarks/other.py', 'benchmarks/other.py does not exist'),
])
def test_what_is_wrong_with_a_command(command, what):
    assert what in problem(command)
    assert bool(problem(command)) == bool(what)


@pytest.mark.parametrize(('command', 'what'), [
    ('panmatch bag', ''), ('panmatch engine build --size', ''), ('panmatch VERB', ''),
    ('ros2 run panmatch_ros panmatch', ''),
    ('panmatch paint', 'there is no verb paint'),
    ('panmatch engine clean --every', 'panmatch engine has no --every')])
def test_what_is_wrong_with_a_part_of_a_command(command, what):
    assert problem_of_a_part(command) == what


def test_commands_are_found():
    text = ('Run `panmatch bag` or `panmatch match\n--task flow`, not `panmatch_ros`.\n'
            '```bash\n# panmatch bag\npanmatch match a b \\\n  --task flow  # it\n'
            "Exec=bash -c 'source x && exec ros2 launch panmatch_ros flow.launch.py a:=b'\n```\n")
    assert in_the_text(text) == ['panmatch bag', 'panmatch match --task flow']
    assert in_blocks(text) == ['panmatch match a b    --task flow  # it',
                               'ros2 launch panmatch_ros flow.launch.py a:=b']
