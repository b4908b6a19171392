"""The cheaper form of the nano network has the values of the trained one."""
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from tiny_nano import nano_model  # noqa: E402

from panmatch_ros.models.convex_upsampling import convex_upsample  # noqa: E402
from panmatch_ros.models.folded.nano_search import (  # noqa: E402
    diagonals,
    mean_candidate,
    mean_of_nine,
    warp_rows,
)
from panmatch_ros.models.folded.nano_update import upsample  # noqa: E402
from panmatch_ros.models.nano_folding import FoldedNano  # noqa: E402
from panmatch_ros.models.nano_update import warp  # noqa: E402


@pytest.fixture(scope='module')
def network():
    return nano_model()


@pytest.fixture(scope='module')
def folded(network):
    return FoldedNano(network)


@pytest.fixture(scope='module')
def features(network):
    torch.manual_seed(1)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 16, 32), scale_factor=6.0,
                                            mode='bicubic') + torch.rand(1, 3, 96, 192) * 0.1
    with torch.no_grad():
        return [network.encoder(x) for x in (image, image.roll((2, 5), (2, 3)))]


def assert_near(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def assert_mostly_near(found, expected, tolerance):
    """Rounding may choose between two candidates that are equally good, at a few pixels."""
    assert found.shape == expected.shape
    difference = (found - expected).abs()
    assert (difference < tolerance).float().mean() > 0.995
    assert difference.median() < 0.02 * tolerance


@torch.no_grad()
def test_the_encoder(network, folded):
    image = torch.rand(1, 3, 64, 128)
    assert_near(folded.encoder(image), network.encoder(image), 2e-6)


@torch.no_grad()
def test_the_first_estimate_of_flow(network, folded, features):
    nothing = torch.zeros(1, 2, 6, 12)
    expected = network.start_flow(*features)[0]
    found = folded.start_flow(*features, nothing, nothing[:, :1])
    assert_near(found, expected[:3], 2e-4)


@torch.no_grad()
def test_a_given_first_estimate_counts(network, folded, features):
    given, weight = torch.full((1, 2, 6, 12), 1.5), torch.full((1, 1, 6, 12), 0.75)
    expected = network.start_flow(*features, given, weight)[0]
    assert_near(folded.start_flow(*features, given, weight), expected[:3], 5e-5)
    other = folded.start_flow(*features, given, weight * 0)
    assert (other[0] - expected.flow).abs().max() > 0.1


@torch.no_grad()
def test_the_first_estimate_of_stereo(network, folded, features):
    start, found = network.start_stereo(*features)
    assert (found.fine.flow - found.flow).abs().max() > 0.1
    assert -found.fine.flow.min() > 2
    assert_near(folded.start_stereo(*features), start[:3], 2e-4)


@torch.no_grad()
@pytest.mark.parametrize('rectified', [False, True])
@pytest.mark.parametrize('iterations', [(1, 1, 1), (2, 3, 2)])
def test_the_corrections(network, features, rectified, iterations):
    network.iterations = iterations
    folded = FoldedNano(network)
    start = (network.start_stereo if rectified else network.start_flow)(*features)[0]
    rows = torch.tensor([1.0, 0.0] if rectified else [1.0, 1.0]).view(1, 2, 1, 1)
    expected = network.refine(*features, start)
    flow, confidence = folded.refine(*features, start.flow, start.state, rows)
    assert expected.flow.abs().max() > 1
    assert_mostly_near(flow, expected.flow, 5e-4)
    assert_mostly_near(confidence, torch.sigmoid(expected.confidence), 1e-4)


def test_folding_leaves_the_network_alone(network):
    before = {name: each.clone() for name, each in network.state_dict().items()}
    FoldedNano(network)
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())
    assert all(each.requires_grad for each in network.parameters())


@torch.no_grad()
@pytest.mark.parametrize('size', [0.3, 4.0, 50.0])
def test_samples_by_rows_are_bilinear_samples(size):
    torch.manual_seed(3)
    fmap, flow = torch.randn(1, 4, 12, 20), torch.randn(1, 2, 12, 20) * size
    torch.testing.assert_close(warp_rows(fmap, flow).permute(2, 0, 1)[None], warp(fmap, flow),
                               rtol=0, atol=2e-5)


@torch.no_grad()
def test_a_displacement_that_is_not_finite_samples_nothing_else():
    flow = torch.zeros(1, 2, 3, 4)
    flow[0, 0, 1, 1], flow[0, 1, 2, 2] = float('inf'), -1e30
    sampled = warp_rows(torch.ones(1, 2, 3, 4), flow)
    assert sampled[1, 1].tolist() == [0, 0]
    assert sampled[2, 2].tolist() == [0, 0]
    assert sampled.sum() == 2 * (12 - 2)


@torch.no_grad()
def test_upsampling_without_the_largest_logit():
    values, logits = torch.randn(1, 3, 4, 6), torch.randn(1, 36, 4, 6) * 8
    torch.testing.assert_close(upsample(values, logits), convex_upsample(values, logits))
    assert torch.isfinite(upsample(values, logits * 100)).all()


@torch.no_grad()
def test_both_ways_to_average_the_best_candidates():
    torch.manual_seed(4)
    logits, flow = torch.randn(9, 60) * 3, torch.randn(1, 2, 6, 10) * 5
    logits = logits - logits.amax(0)
    assert_near(mean_of_nine(logits, flow), mean_candidate(logits.T, flow, 1), 1e-5)
    assert set(logits.argmax(0).tolist()) == set(range(9))


def test_diagonals_are_cut_out_in_order():
    products = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    kept = diagonals(products, 3)
    assert kept.shape == (2, 3, 4, 3)
    for row in range(4):
        assert torch.equal(kept[:, :, row], products[:, :, row, row:row + 3])
