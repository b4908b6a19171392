"""Parameter file and page of the bag tools hold what the modules say."""
from pathlib import Path
import re

import pytest
import yaml

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import ros_harness  # noqa: F401  # sets the ROS domain of these tests

from panmatch_ros.evaluation.frame_table import SCORES
from panmatch_ros.nodes.bag_player import SPECS
from panmatch_ros.nodes.evaluator_parameters import EVALUATOR_NODE

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
DOCS = (ROOT / 'docs' / 'bags.md').read_text()
CONFIG = (ROOT / 'config' / 'evaluator_node.yaml').read_text()


def test_parameter_file_holds_the_table():
    values = yaml.safe_load(CONFIG)['/**']['ros__parameters']
    assert list(values) == [spec.name for spec in EVALUATOR_NODE]
    for spec in EVALUATOR_NODE:
        assert values[spec.name] == spec.default
        assert type(values[spec.name]) is type(spec.default)


def test_parameter_file_tells_description_unit_and_range():
    for spec in EVALUATOR_NODE:
        comment = re.search(rf'((?: +#[^\n]*\n)+) +{re.escape(spec.name)}:', CONFIG)[1]
        words = ' '.join(comment.replace('#', ' ').split())
        assert spec.description in words
        assert spec.allowed in words
    assert max(map(len, CONFIG.splitlines())) <= 99


@pytest.mark.parametrize(('node', 'specs'), [('evaluator_node', EVALUATOR_NODE),
                                             ('bag_player', SPECS)])
def test_page_lists_every_parameter(node, specs):
    table = DOCS[DOCS.index(f'<!-- parameters of {node} -->'):].partition('<!-- end -->')[0]
    rows = dict(re.findall(r'^\| `(\w+)` \| (.*) \|$', table, re.MULTILINE))
    assert list(rows) == [spec.name for spec in specs]
    for spec in specs:
        assert spec.description.replace('<', '&lt;') in rows[spec.name]


def test_page_lists_every_score():
    table = DOCS[DOCS.index('<!-- scores -->'):].partition('<!-- end -->')[0]
    rows = dict(re.findall(r'^\| `(\w+)` \| (.*) \|$', table, re.MULTILINE))
    assert rows == {score.name: score.meaning.replace('|', r'\|') for score in SCORES}


def test_nothing_can_change_while_it_runs():
    assert not any(spec.live for spec in (*EVALUATOR_NODE, *SPECS))
