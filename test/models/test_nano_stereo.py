"""The search along the rows, on features whose match is known."""
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from tiny_nano import SMALL  # noqa: E402

from panmatch_ros.models.nano_encoder import NanoFeatures  # noqa: E402
from panmatch_ros.models.nano_matching import Initial  # noqa: E402
from panmatch_ros.models.nano_stereo import (  # noqa: E402
    FineVolume,
    RowPropagation,
    best_disparity,
    between_levels,
)

NOTHING = torch.empty(0)


def of_quarter(quarter):
    return NanoFeatures(NOTHING, quarter, NOTHING, NOTHING, NOTHING)


@pytest.fixture
def fine():
    torch.manual_seed(0)
    fine = FineVolume(SMALL)
    torch.nn.init.dirac_(fine.compare.weight)
    torch.nn.init.zeros_(fine.compare.bias)
    return fine


@pytest.fixture
def pair():
    """Features at 1/4; those of the left image come 5 columns further to the right."""
    torch.manual_seed(1)
    right = 6 * torch.nn.functional.normalize(torch.randn(1, 16, 8, 32), dim=1)
    return right.roll(5, 3), right


def test_the_best_disparity_is_the_mean_of_three():
    logits = torch.full((1, 8, 1, 2), -20.0)
    logits[0, 3, 0, 0] = 2.0
    logits[0, 4, 0, 0] = 1.0
    logits[0, 0, 0, 0] = 1.9   # another candidate does not count
    logits[0, 0, 0, 1] = 5.0
    found = best_disparity(logits)
    e = torch.tensor(1.0).exp()
    assert float(found.flow[0, 0, 0, 0]) == pytest.approx(-float((3 * e + 4) / (e + 1)), abs=1e-4)
    assert float(found.flow[0, 0, 0, 1]) == pytest.approx(0, abs=1e-4)
    assert not found.flow[0, 1].any()
    others = torch.tensor([0.0, -1.0, -0.1]).exp().sum().log()
    assert float(found.certainty[0, 0, 0, 0]) == pytest.approx(-float(others), abs=1e-4)


def test_levels_between_are_means():
    logits = torch.tensor([1.0, 3.0, 7.0]).view(1, 3, 1, 1)
    assert between_levels(logits).flatten().tolist() == [1, 2, 3, 5, 7, 7]


@torch.no_grad()
def test_the_fine_volume_finds_the_match_without_a_prior(fine, pair):
    found = fine(of_quarter(pair[0]), of_quarter(pair[1]), torch.zeros(1, 16, 4, 16))
    assert found.logits.shape == (1, 32, 8, 32)
    assert (found.flow[0, 0, :, 6:] + 5).abs().max() < 0.1
    assert found.certainty[..., 6:].min() > -0.1


@torch.no_grad()
def test_the_prior_chooses_where_the_comparison_cannot(fine):
    plain = torch.ones(1, 16, 8, 32)
    prior = torch.zeros(1, 16, 4, 16)
    prior[:, 2] = 8.0
    found = fine(of_quarter(plain), of_quarter(plain), prior)
    assert (found.flow[0, 0, :, 8:] + 4).abs().max() < 0.1  # level 2 of 1/8 is level 4 of 1/4


@torch.no_grad()
def test_unsure_pixels_take_what_sure_ones_of_their_row_know():
    rows = RowPropagation(SMALL)
    for layer in (rows.query, rows.key):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    torch.nn.init.zeros_(rows.fuse.weight)
    torch.nn.init.zeros_(rows.fuse.bias)
    rows.fuse.bias[0] = 30.0  # always take the proposal
    rows.trust.fill_(4.0)
    across = torch.full((1, 2, 4, 16), -9.0) * torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    certainty = torch.full((1, 1, 4, 16), -20.0)
    across[:, 0, :2, 10:12], certainty[..., :2, 10:12] = -3.0, 0.0  # in the upper rows only
    features = NanoFeatures(NOTHING, torch.zeros(1, 16, 4, 16), torch.zeros(1, 16, 2, 8),
                            NOTHING, NOTHING)
    informed, flow, state = rows(features, Initial(across, certainty, NOTHING))
    assert (informed[0, 0, 0] + 1.5).abs().max() < 0.01   # pixels of 1/8
    assert (flow[0, 0, :2] + 3).abs().max() < 0.01
    assert (flow[0, 0, 2:] + 9).abs().max() < 0.01        # another row knows nothing
    assert not flow[0, 1].any()
    assert state.shape == (1, 16, 4, 16)
