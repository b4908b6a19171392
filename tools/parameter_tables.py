#!/usr/bin/env python3
"""
Write the parameters of all nodes into docs/nodes/*.md and config/*.yaml from their one table.

    python tools/parameter_tables.py            update the files
    python tools/parameter_tables.py --check    change nothing; exit 1 if a file is out of date

The table is in panmatch_ros/nodes; importing it needs ROS 2 (`source tools/activate.sh`).
"""
import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import re
import sys
import textwrap

from panmatch_ros.nodes import bag_player, image_player, recorder
from panmatch_ros.nodes.evaluator_parameters import EVALUATOR_NODE
from panmatch_ros.nodes.match_parameters import MATCH_NODE
from panmatch_ros.nodes.motion_depth_parameters import MOTION_DEPTH_NODE
from panmatch_ros.nodes.parameters import FLOW_NODE, STEREO_NODE
from panmatch_ros.nodes.perception_parameters import PERCEPTION_NODE
from panmatch_ros.nodes.settings import Spec

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 95
TABLES: dict[str, Sequence[Spec]] = {
    'stereo_node': STEREO_NODE, 'flow_node': FLOW_NODE, 'match_node': MATCH_NODE,
    'motion_depth_node': MOTION_DEPTH_NODE, 'perception_node': PERCEPTION_NODE,
    'evaluator_node': EVALUATOR_NODE, 'bag_player': bag_player.SPECS,
    'image_player': image_player.SPECS, 'recorder': recorder.SPECS}
WITH_YAML = ('stereo_node', 'flow_node', 'match_node', 'motion_depth_node', 'perception_node',
             'evaluator_node')
REPLAY = 'replay.launch.py bag:=drive out:=out evaluator_params_file:=my.yaml'
LIVE = '# Those not marked "fixed at start" can change at any time: ros2 param set /{node} ...'
HEADER = """\
# Parameters of {node} with their defaults; docs/nodes/{node}.md says more.
#   ros2 launch panmatch_ros {launch}
#   ros2 run panmatch_ros {node} --ros-args --params-file my.yaml
{changes}
# Written by tools/parameter_tables.py; a copy needs only the lines that differ.
/**:
  ros__parameters:
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--check', action='store_true', help='change nothing, only compare')
    check = parser.parse_args().check
    outdated = [path for path, text in files(ROOT).items()
                if not path.exists() or path.read_text() != text]
    for path in outdated:
        if not check:
            path.write_text(files(ROOT)[path])
        print(f'{path.relative_to(ROOT)}: {"out of date" if check else "updated"}')
    return 1 if check and outdated else 0


def files(root: Path) -> dict[Path, str]:
    """Texts that the files should have."""
    texts = {}
    for node in TABLES:
        page = root / 'docs' / 'nodes' / f'{node}.md'
        texts[page] = with_table(page.read_text(), node)
    for node in WITH_YAML:
        texts[root / 'config' / f'{node}.yaml'] = yaml_text(node)
    return texts


def with_table(page: str, node: str) -> str:
    """
    Replace what stands between the markers of a node by its table.

    :param page: text of its page.
    """
    start, end = f'<!-- parameters of {node} -->\n', '<!-- end -->'
    old = re.findall(re.escape(start) + '.*?' + end, page, re.DOTALL)
    if len(old) != 1:
        raise SystemExit(f'docs/nodes/{node}.md needs one place {start.strip()} ... {end}')
    return page.replace(old[0], start + markdown_table(TABLES[node]) + end)


def markdown_table(specs: Sequence[Spec]) -> str:
    live = any(spec.live for spec in specs)  # no column where all are fixed
    lines = ['| parameter | default | values | ' + ('live | ' if live else '') + 'what it does |',
             '|---|---|---|' + ('---|' if live else '') + '---|']
    for spec in specs:
        cells = [f'`{spec.name}`', f'`{value_text(spec.default)}`', spec.allowed,
                 *(['yes' if spec.live else 'no'] if live else []), spec.description]
        row = ' | '.join(cells).replace('|  |', '| |').replace('<', '&lt;')
        lines.append(f'| {row} |')
    return '\n'.join(lines) + '\n'


def yaml_text(node: str) -> str:
    blocks = []
    for spec in TABLES[node]:
        parts = [spec.description, spec.allowed, '' if spec.live else 'fixed at start']
        comment = textwrap.wrap('; '.join(filter(None, parts)), WIDTH, initial_indent='    # ',
                                subsequent_indent='    # ')
        blocks.append('\n'.join([*comment, f'    {spec.name}: {value_text(spec.default)}\n']))
    task = node.removesuffix('_node')
    launch = REPLAY if task == 'evaluator' else f'{task}.launch.py params_file:=my.yaml'
    live = any(spec.live for spec in TABLES[node])
    changes = LIVE.format(node=node) if live else '# No parameter can change while it runs.'
    return HEADER.format(node=node, launch=launch, changes=changes) + '\n'.join(blocks)


def value_text(value: object) -> str:
    """Write a value as YAML; strings always quoted, so that 32FC1 and raw look the same."""
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


if __name__ == '__main__':
    sys.exit(main())
