"""Lower precision: how far the flow is from that of single precision, on the parity images."""
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.checkpoints.weightfill import fill_model  # noqa: E402
from panmatch_ros.inference.panmatch import PanMatchMatcher, PanMatchOptions  # noqa: E402
from panmatch_ros.inference.panmatch_torch import TorchNetwork  # noqa: E402
from panmatch_ros.inference.transform import StretchTransform  # noqa: E402
from panmatch_ros.models.cost_encoder import correlation_volume  # noqa: E402
from panmatch_ros.models.folding import fold_for_inference  # noqa: E402
from panmatch_ros.models.panmatch import PanMatch  # noqa: E402
from panmatch_ros.models.presets import preset  # noqa: E402
from panmatch_ros.models.update_block import MotionAttention  # noqa: E402

PARITY = Path(__file__).parents[1] / 'data' / 'parity'
SIZES = ('112x112', '100x150')
MOST_PX = 0.05  # mean difference


def make_network(name: str) -> PanMatch:
    network = PanMatch(preset(name)).eval()
    fill_model(network)
    return fold_for_inference(network)


def mean_difference_px(network: PanMatch, precision: str, device: str, size: str) -> float:
    vectors = np.load(PARITY / f'whole_s_reg_{size}.npz')
    flows = []
    for each in ('fp32', precision):
        options = PanMatchOptions(device=device, precision=each, bidirectional=False)
        matcher = PanMatchMatcher(TorchNetwork(network, device, each), options)
        flows.append(matcher.match(vectors['im0'], vectors['im1']).flow)
    assert np.abs(flows[0]).mean() > 0.3  # there is something to lose
    return float(np.linalg.norm(flows[1] - flows[0], axis=-1).mean())


@pytest.mark.parametrize('size', SIZES)
def test_bfloat16_of_the_small_network(size):
    difference = mean_difference_px(make_network('panmatch_s'), 'bf16', 'cpu', size)
    assert 1e-4 < difference < MOST_PX  # it is a lower precision indeed


def test_float16_of_the_tiny_network():
    difference = mean_difference_px(make_network('panmatch_tiny'), 'fp16', 'cpu', SIZES[0])
    assert 1e-6 < difference < MOST_PX


@pytest.mark.gpu
@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_on_cuda(precision):
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    network = make_network('panmatch_s')
    assert mean_difference_px(network, precision, 'cuda', SIZES[0]) < MOST_PX


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_costs_and_weights_of_pixels_stay_in_single_precision(dtype):
    generator = torch.Generator().manual_seed(0)
    fmap = 20 * torch.randn(1, 64, 14, 14, generator=generator)  # costs beyond what float16 holds
    attention = MotionAttention(64).eval()
    with torch.no_grad(), torch.autocast('cpu', dtype):
        volume = correlation_volume(fmap, fmap)
        weights = attention(fmap / 20)
    exact = fmap.flatten(2).double()
    expected = exact.transpose(1, 2) @ exact
    assert expected.max() > 30000
    assert volume.dtype == weights.dtype == torch.float32
    torch.testing.assert_close(volume.double(), expected, rtol=1e-5, atol=0.1)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 196), rtol=0, atol=1e-5)


@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_costs_beyond_float16_do_not_break_the_flow(precision):
    network = PanMatch(preset('panmatch_tiny')).eval()
    fill_model(network)
    with torch.no_grad():
        network.matching.adapter.merge.weight.mul_(200)  # costs grow by its square
    network = fold_for_inference(network)
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (112, 112, 3), np.uint8)
    flows = []
    for each in ('fp32', precision):
        torch_network = TorchNetwork(network, 'cpu', each)
        view = torch_network.encode(StretchTransform((112, 112)).forward(image))
        assert (view.fmap.flatten(2) ** 2).sum(1).max() > 65504  # the cost of equal pixels
        flows.append(torch_network.match(view, view, both=False)[0].flow)
    assert np.isfinite(flows[0]).all()
    assert np.isfinite(flows[1]).all()


def test_autocast_around_the_network_gives_single_precision_results():
    network = make_network('panmatch_tiny')
    images = [torch.randn(1, 3, 112, 112, generator=torch.Generator().manual_seed(seed))
              for seed in (0, 1)]
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        prediction = network(*images)
    assert prediction.flow.dtype == torch.float32
    assert torch.isfinite(prediction.flow).all()
