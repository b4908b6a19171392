"""Convex upsampling: equal weights, single weights, ramps."""
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.models.convex_upsampling import WEIGHTS, convex_upsample  # noqa: E402


def test_a_constant_stays():
    values = torch.full((1, 2, 3, 4), 7.5)
    upsampled = convex_upsample(values, torch.randn(1, WEIGHTS, 3, 4))
    assert upsampled.shape == (1, 2, 6, 8)
    assert torch.allclose(upsampled, torch.tensor(7.5))


def test_one_weight_picks_one_neighbour():
    values = torch.arange(12.0).reshape(1, 1, 3, 4)
    logits = torch.zeros(1, 9, 4, 3, 4)
    logits[:, 5, 2] = 200.0  # the right neighbour, for the new pixel below on the left
    upsampled = convex_upsample(values, logits.flatten(1, 2))
    assert torch.allclose(upsampled[0, 0, 1::2, 0::2],
                          torch.tensor([[1.0, 2, 3, 3], [5, 6, 7, 7], [9, 10, 11, 11]]))


def test_values_do_not_leave_the_range_of_the_neighbours():
    torch.manual_seed(0)
    values = torch.rand(2, 3, 5, 6)
    upsampled = convex_upsample(values, 5 * torch.randn(2, WEIGHTS, 5, 6))
    assert upsampled.min() >= values.min() - 1e-6
    assert upsampled.max() <= values.max() + 1e-6
