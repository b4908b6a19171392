"""Correlation of windows and of rows against plain loops."""
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.models.local_correlation import (  # noqa: E402
    local_correlation,
    row_correlation,
    shifted_correlation,
)


@pytest.mark.parametrize(('radius', 'block'), [(1, 4), (2, 8), (4, 8)])
def test_blocks_equal_shifted_copies(radius, block):
    torch.manual_seed(0)
    fmap0, fmap1 = torch.randn(2, 2, 5, 6, 16, dtype=torch.double).unbind()
    expected = shifted_correlation(fmap0, fmap1, radius)
    assert torch.allclose(local_correlation(fmap0, fmap1, radius, block), expected, atol=1e-12)


def test_window_is_row_by_row():
    fmap0, fmap1 = torch.zeros(2, 1, 1, 8, 8).unbind()
    fmap0[0, 0, 3, 4], fmap1[0, 0, 2, 6] = 2.0, 3.0  # at x + 2, y - 1
    window = local_correlation(fmap0, fmap1, 2, 8)[0, :, 3, 4].reshape(5, 5)
    assert window[1, 4] == 6.0
    assert window.count_nonzero() == 1


def test_gradients_equal_those_of_shifted_copies():
    torch.manual_seed(0)
    maps = [torch.randn(1, 3, 4, 8, dtype=torch.double, requires_grad=True) for _ in range(2)]
    weight = torch.randn(1, 9, 4, 8, dtype=torch.double)
    one = torch.autograd.grad((shifted_correlation(*maps, 1) * weight).sum(), maps)
    other = torch.autograd.grad((local_correlation(*maps, 1, 4) * weight).sum(), maps)
    for expected, given in zip(one, other, strict=True):
        assert torch.allclose(given, expected, atol=1e-12)


def test_rows_look_left():
    torch.manual_seed(0)
    left, right = torch.randn(2, 1, 2, 3, 4, 16, dtype=torch.double).unbind()
    volume = row_correlation(left, right, 16, 8)
    assert volume.shape == (1, 16, 2, 4, 16)
    for disparity in (0, 1, 7, 15):
        for x in (0, 5, 15):
            expected = torch.zeros(1, 2, 4, dtype=torch.double)
            if x >= disparity:
                expected = (left[..., x] * right[..., x - disparity]).sum(2)
            assert torch.allclose(volume[:, disparity, :, :, x], expected)
