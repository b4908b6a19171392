"""Parameters of the bag tools, and the scores on their page."""
from pathlib import Path
import re

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import ros_harness  # noqa: F401  # sets the ROS domain of these tests

from panmatch_ros.evaluation.recordings.frame_table import SCORES
from panmatch_ros.nodes.bag_player import SPECS
from panmatch_ros.nodes.evaluator_parameters import EVALUATOR_NODE

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
DOCS = (ROOT / 'docs' / 'bags.md').read_text()


def test_page_lists_every_score():
    table = DOCS[DOCS.index('<!-- scores -->'):].partition('<!-- end -->')[0]
    rows = dict(re.findall(r'^\| `(\w+)` \| (.*) \|$', table, re.MULTILINE))
    assert rows == {score.name: score.meaning.replace('|', r'\|') for score in SCORES}


def test_nothing_can_change_while_it_runs():
    assert not any(spec.live for spec in (*EVALUATOR_NODE, *SPECS))
