"""Fixtures for all tests."""
from collections.abc import Iterator
from pathlib import Path
import sys
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / 'support'))


@pytest.fixture
def graph() -> Iterator[Any]:
    """Give a fresh ROS context with a camera node and a recorder of outputs."""
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
    from ros_harness import Graph
    graph = Graph()
    yield graph
    graph.close()
