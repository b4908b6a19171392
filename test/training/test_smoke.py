"""The smoke recipe proves that the network learns; two minutes."""
from pathlib import Path

import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.training.config import read_recipe  # noqa: E402
from panmatch_ros.training.curves import read_rows  # noqa: E402
from panmatch_ros.training.processes import train  # noqa: E402

RECIPE = Path(__file__).parents[2] / 'config' / 'train' / 'smoke.yaml'


@pytest.mark.slow
def test_two_minutes_of_training_teach_the_network(tmp_path):
    progress = train(read_recipe(RECIPE), tmp_path)
    curve = [row['total'] for row in read_rows(tmp_path / 'curve.csv')]
    start, end = sum(curve[:2]) / 2, sum(curve[-3:]) / 3
    assert end < 0.6 * start
    last = progress.history[-1]
    assert last['flow_epe'] < 2.5     # pixels; flow that is zero everywhere has more than 4
    assert last['stereo_epe'] < 1.5   # pixels, of up to 24
    assert last['confidence_error'] < 0.2
