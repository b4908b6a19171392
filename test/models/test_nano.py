"""Form, limits and options of the nano network."""
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.core.errors import ConfigError  # noqa: E402
from panmatch_ros.models.nano import Nano  # noqa: E402
from panmatch_ros.models.nano_config import NanoConfig  # noqa: E402
from panmatch_ros.models.nano_encoder import normalize  # noqa: E402
from panmatch_ros.models.nano_matching import windowed_expectation  # noqa: E402
from panmatch_ros.models.nano_update import WindowSearch, warp  # noqa: E402

SMALL = NanoConfig(channels=(8, 16, 16, 16), blocks=(1, 1, 1), match_dim=16,
                   hidden=(16, 16, 16), disparity_levels=16, volume_dim=8)


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return Nano(SMALL).eval()


@pytest.fixture(scope='module')
def images():
    torch.manual_seed(1)
    return torch.rand(1, 3, 64, 128), torch.rand(1, 3, 64, 128)


def test_the_shipped_form_is_small():
    parameters = sum(each.numel() for each in Nano().parameters())
    assert 1.0e6 < parameters < 1.5e6


@pytest.mark.parametrize('rectified', [False, True])
@torch.no_grad()
def test_sizes_and_ranges(network, images, rectified):
    flow, confidence = network(*images, rectified)
    assert flow.shape == (1, 2, 64, 128)
    assert confidence.shape == (1, 1, 64, 128)
    assert torch.isfinite(flow).all()
    assert 0 <= confidence.min() <= confidence.max() <= 1


@torch.no_grad()
def test_rectified_pairs_have_no_vertical_flow(network, images):
    flow, _ = network(*images, True)
    assert (flow[:, 1] == 0).all()
    assert flow[:, 0].abs().max() > 0


@torch.no_grad()
def test_a_pair_of_a_batch_equals_it_alone(network, images):
    image0, image1 = images
    both, _ = network(torch.cat([image0, image1]), torch.cat([image1, image0]))
    alone, _ = network(image1, image0)
    assert torch.allclose(both[1:], alone, atol=1e-4)


@torch.no_grad()
def test_brightness_and_contrast_of_an_image_do_not_matter(network, images):
    image0, image1 = images
    flow, _ = network(image0, image1)
    other, _ = network(0.25 + 0.5 * image0, 0.1 + 0.3 * image1)
    assert torch.allclose(flow, other, atol=1e-2)


@torch.no_grad()
def test_flow_init_takes_the_place_of_the_search(network, images):
    features = [network.encoder(image) for image in images]
    wanted = torch.zeros(1, 2, 4, 8)
    wanted[:, 0] = 1.5
    none = network.start_flow(*features)[2][0].base
    half = network.start_flow(*features, wanted, torch.full((1, 1, 1, 1), 0.5))[2][0].base
    full = network.start_flow(*features, wanted, torch.ones(1, 1, 1, 1))[2][0].base
    assert torch.allclose(full, wanted, atol=1e-5)
    assert torch.allclose(half, (none + wanted) / 2, atol=1e-5)


@torch.no_grad()
def test_iterations_are_a_knob(images):
    torch.manual_seed(0)
    network = Nano(SMALL).eval()
    for head in (network.update4.head, network.update8.head):
        torch.nn.init.normal_(head.weight, std=0.2)
    counts = {}
    for iterations in ((1, 1, 1), (2, 2, 1), (3, 4, 2)):
        network.iterations = iterations
        features = [network.encoder(image) for image in images]
        start, _, coarse = network.start_flow(*features)
        refined = network.refine(*features, start)
        counts[iterations] = (len(coarse) + len(refined.steps), refined.flow)
    assert [count for count, _ in counts.values()] == [4, 6, 10]
    flows = [flow for _, flow in counts.values()]
    assert not torch.allclose(flows[0], flows[1])
    assert not torch.allclose(flows[1], flows[2])


def test_black_images_do_not_divide_by_zero():
    assert (normalize(torch.zeros(1, 3, 8, 8)) == 0).all()
    stretched = normalize(torch.rand(1, 3, 64, 64))
    assert abs(float(stretched.mean())) < 1e-5
    assert float(stretched.std()) == pytest.approx(1, abs=1e-3)


def test_expectation_keeps_to_one_candidate():
    logits = torch.zeros(1, 1, 5 * 7)
    logits[0, 0, 1 * 7 + 5] = 20.0
    logits[0, 0, 4 * 7 + 0] = 19.0  # a second candidate far away
    position, certainty = windowed_expectation(logits, 5, 7)
    assert torch.allclose(position[0, 0], torch.tensor([5.0, 1.0]), atol=1e-3)
    assert float(certainty) == pytest.approx(-0.313, abs=1e-2)  # of two, e : 1


def test_expectation_ends_at_the_border():
    logits = torch.zeros(1, 1, 5 * 7)
    logits[0, 0, 0] = 20.0
    assert torch.allclose(windowed_expectation(logits, 5, 7)[0], torch.zeros(2), atol=1e-3)


def test_search_finds_an_offset():
    search = WindowSearch(2, 8)
    torch.manual_seed(0)
    fmap1 = 6 * torch.nn.functional.normalize(torch.randn(1, 8, 8, 16), dim=1)
    flow = torch.zeros(1, 2, 8, 16)
    flow[:, 0] = 1.0
    fmap0 = warp(fmap1, flow + torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))
    seen = search(fmap0, warp(fmap1, flow), flow)
    inside = seen.offset[:, :, 2:-2, 2:-4]
    assert (inside - torch.tensor([1.0, -1.0]).view(1, 2, 1, 1)).abs().max() < 0.2
    assert seen.certainty.max() <= 0


def test_candidates_are_where_neighbours_come_from():
    flow = torch.zeros(1, 2, 4, 8)
    flow[0, 0, 1, 3] = 5.0
    seen = WindowSearch(1, 0)(torch.zeros(1, 1, 4, 8), torch.zeros(1, 1, 4, 8), flow)
    changes = seen.candidates[0, :, :, 1, 2].T.tolist()
    assert changes[4] == [0, 0]
    assert changes[5] == [6, 0]       # beside it, and warped by 5 more
    assert changes[0] == [-1, -1]
    assert seen.candidates[0, :, 3, 1, 3].tolist() == [-6, 0]


def test_warp_is_bilinear_and_zero_outside():
    fmap = torch.arange(12.0).reshape(1, 1, 3, 4)
    flow = torch.full((1, 2, 3, 4), 0.5)
    assert float(warp(fmap, flow)[0, 0, 0, 0]) == pytest.approx((0 + 1 + 4 + 5) / 4)
    assert (warp(fmap, flow + 9) == 0).all()


@pytest.mark.parametrize(('values', 'text'), [
    ({'channels': (1, 2, 3)}, 'channels must be 4 whole'),
    ({'radius': (3, 5, 3)}, 'radius at 1/8 must be at most 4'),
    ({'disparity_levels': 20}, 'multiple of 16'),
    ({'channels': (16, 32, 60, 96)}, 'multiple of 8'),
    ({'match_dim': 0}, 'match_dim must be'),
    ({'match_dim': True}, 'match_dim must be'),
    ({'width': 4}, 'nano has no option width'),
])
def test_bad_forms_are_refused(values, text):
    with pytest.raises(ConfigError, match=text):
        NanoConfig.from_dict(values)


def test_a_form_comes_back_from_plain_values():
    assert NanoConfig.from_dict(SMALL.to_dict()) == SMALL
