"""Losses against values worked out by hand."""
import math

import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.models.nano import Nano  # noqa: E402
from panmatch_ros.models.nano_config import NanoConfig  # noqa: E402
from panmatch_ros.models.nano_matching import Initial  # noqa: E402
from panmatch_ros.models.nano_update import Step, WindowSearch  # noqa: E402
from panmatch_ros.training import losses  # noqa: E402
from panmatch_ros.training.batch import Batch  # noqa: E402

SMALL = NanoConfig(channels=(8, 16, 16, 16), blocks=(1, 1, 1), match_dim=16,
                   hidden=(16, 16, 16), disparity_levels=16, volume_dim=8)


def make_batch(rectified=1, size=2):
    torch.manual_seed(0)
    flow = torch.zeros(size, 2, 64, 128)
    flow[:, 0] = -4.0
    return Batch(torch.rand(size, 3, 64, 128), torch.rand(size, 3, 64, 128), flow,
                 torch.zeros(size, 1, 64, 128, dtype=torch.bool), rectified)


def test_robust_error():
    assert float(losses.robust(torch.tensor(0.99))) == pytest.approx(1.0)
    assert float(losses.robust(torch.tensor(127.99))) == pytest.approx(128 ** 0.7)


def test_truth_of_smooth_cells_is_their_mean_and_of_edges_one_pixel():
    batch = make_batch()
    batch.flow[:, 1] = 0.01 * torch.arange(128)
    batch.flow[0, 0, :, 5:] = 20.0  # an edge inside a cell of 4
    batch.occlusion[1, 0, 2, 2] = True
    truth = losses.Truth.of(batch, 4)
    assert float(truth.flow[0, 1, 0, 3]) == pytest.approx(0.135 / 4)
    assert float(truth.flow[0, 0, 0, 1]) == pytest.approx(20 / 4)   # the pixel at 6
    assert float(truth.flow[1, 0, 0, 0]) == pytest.approx(-1)
    assert truth.occlusion[1, 0, 0, 0]
    assert truth.occlusion.sum() == 1


def test_bilinear_cells():
    index, weight, inside = losses.bilinear_cells(torch.tensor([1.25]), torch.tensor([2.0]), 4, 5)
    assert index.tolist() == [[9, 10, 13, 14]]
    assert weight.tolist() == [[0.75, 0.25, 0.0, 0.0]]
    assert inside.all()
    for x, y in ((-0.1, 0), (3.1, 0), (0, 4.5)):
        assert not losses.bilinear_cells(torch.tensor([x]), torch.tensor([float(y)]), 4, 5)[2]
    last = losses.bilinear_cells(torch.tensor([3.0]), torch.tensor([4.0]), 4, 5)
    assert float((last[1] * (last[0] == 19)).sum()) == 1.0


def test_cross_entropy_counts_known_rows_only():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0]])
    target = torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]])
    weight = torch.tensor([[0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    known = torch.tensor([True, False])
    value = losses.soft_cross_entropy(logits, target, weight, known)
    assert float(value) == pytest.approx(math.log(4))
    nothing = losses.soft_cross_entropy(logits, target, weight, torch.tensor([False, False]))
    assert float(nothing) == 0


def candidates(flow, radius=1):
    search = WindowSearch(radius, 0)
    return search(torch.zeros(1, 1, *flow.shape[2:]), torch.zeros(1, 1, *flow.shape[2:]),
                  flow).candidates


def test_window_loss_is_lowest_at_the_truth():
    base, flow = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    flow[:, 0, :, :3], flow[:, 1, :3] = 1.0, 1.0   # beyond the last row and column is nothing
    truth = losses.Truth(flow, torch.zeros(1, 1, 4, 4, dtype=torch.bool))

    def loss(best):
        logits = torch.zeros(1, 9, 4, 4)
        logits[:, best] = 10.0
        step = Step(base, base, logits, candidates(base))
        return float(losses.window_loss(step, truth))

    values = [loss(best) for best in range(9)]
    assert values[8] == min(values)  # x + 1, y + 1, but for the last row and column
    assert sorted(values)[1] > values[8] + 1
    outside = losses.Truth(flow + 5, truth.occlusion)
    step = Step(base, base, torch.randn(1, 9, 4, 4), candidates(base))
    assert float(losses.window_loss(step, outside)) == 0


def test_windows_are_taught_by_where_neighbours_really_come_from():
    base = torch.zeros(1, 2, 4, 4)
    base[0, 0, 1, 2] = 3.0                 # one pixel that is warped from elsewhere
    truth = losses.Truth(torch.zeros(1, 2, 4, 4), torch.ones(1, 1, 4, 4, dtype=torch.bool))
    truth.flow[0, 0, 1, 1] = 4.0           # what its left neighbour looks for: 1 + 3
    truth.occlusion[0, 0, 1, 1] = False
    logits = torch.zeros(1, 9, 4, 4)
    logits[0, 5, 1, 1] = 10.0              # x + 1
    step = Step(base, base, logits, candidates(base))
    assert float(losses.window_loss(step, truth)) < 1e-2


def test_volume_loss_shares_between_two_disparities():
    flow = torch.zeros(1, 2, 2, 2)
    flow[:, 0] = -2.25
    truth = losses.Truth(flow, torch.zeros(1, 1, 2, 2, dtype=torch.bool))
    logits = torch.full((1, 16, 2, 2), -30.0)
    logits[:, 2], logits[:, 3] = math.log(0.75), math.log(0.25)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    value = losses.volume_loss(Initial(flow, flow[:, :1], logits), truth)
    assert float(value) == pytest.approx(entropy, abs=1e-4)


def test_steps_count_hidden_pixels_too():
    flow = torch.zeros(1, 2, 2, 2)
    truth = losses.Truth(flow.clone(), torch.tensor([[[[True, True], [False, False]]]]))
    truth.flow[0, :, 0] = torch.tensor([3.0, 4.0])[:, None]
    value = losses.step_loss(flow, truth)
    assert float(value) == pytest.approx(0.5 * (5.01 ** 0.7 + 0.0101 ** 0.7), rel=1e-4)


@pytest.mark.parametrize('rectified', [0, 1, 2])
def test_every_parameter_learns(rectified):
    torch.manual_seed(0)
    model = Nano(SMALL).train()
    for block in (model.update16, model.update8, model.update4, model.detail):
        torch.nn.init.normal_(block.head.weight, std=0.05)
    batch = make_batch(rectified)
    outcome = losses.run_network(model, batch)
    terms = losses.loss_terms(model, outcome, batch)
    assert set(terms) == {'flow', 'confidence', 'search', 'steps', 'windows', 'volume'}
    sum(terms.values()).backward()
    idle = {name.partition('.')[0] for name, each in model.named_parameters()
            if each.grad is None or not each.grad.any()}
    general = {'matching', 'context16', 'update16', 'to8', 'context8', 'update8', 'to4'}
    assert idle == {0: {'stereo'}, 1: set(), 2: general}[rectified]
    assert all(torch.isfinite(each.grad).all() for each in model.parameters()
               if each.grad is not None)


def test_mixed_batches_equal_single_ones():
    torch.manual_seed(0)
    model = Nano(SMALL).eval()
    batch = make_batch(1)
    with torch.no_grad():
        mixed = losses.run_network(model, batch).refined.flow
        general, _ = model(batch.image0[:1], batch.image1[:1])
        rows, _ = model(batch.image0[1:], batch.image1[1:], True)
    assert torch.allclose(mixed[:1], general, atol=1e-4)
    assert torch.allclose(mixed[1:], rows, atol=1e-4)
