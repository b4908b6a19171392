"""Student's t distribution against printed tables."""
import math

import pytest

from panmatch_ros.evaluation.metrics.student_t import t_quantile, t_share


@pytest.mark.parametrize(('freedom', 'quantile'), [
    (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (29, 2.045),
    (120, 1.980), (1000, 1.962)])
def test_quantiles(freedom, quantile):
    assert t_quantile(0.975, freedom) == pytest.approx(quantile, abs=6e-4)


def test_one_degree_of_freedom_is_the_distribution_of_cauchy():
    for value in (0.0, 0.3, 1.0, 40.0):
        assert t_share(value, 1) == pytest.approx(0.5 + math.atan(value) / math.pi)


@pytest.mark.parametrize('freedom', [1, 2, 7, 8])
def test_quantile_and_share_undo_each_other(freedom):
    for share in (0.5, 0.8, 0.999):
        assert t_share(t_quantile(share, freedom), freedom) == pytest.approx(share, abs=1e-12)
