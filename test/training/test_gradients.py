"""Gradients that several processes share."""
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.training.gradients import average_gradients  # noqa: E402


@pytest.fixture
def group(tmp_path):
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/rendezvous',
                                         rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def make_model():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3), torch.nn.Conv2d(8, 2, 1),
                                torch.nn.Linear(3, 3))
    return model.to(memory_format=torch.channels_last)


def backward(model):
    image = torch.rand(2, 4, 5, 6).to(memory_format=torch.channels_last)
    model[1](model[0](image)).square().sum().backward()


def test_gradients_have_the_values_and_the_layout_of_before(group):
    model = make_model()
    backward(model)
    before = [None if each.grad is None else each.grad.clone() for each in model.parameters()]
    average_gradients(model)
    for each, grad in zip(model.parameters(), before, strict=True):
        assert torch.equal(each.grad, torch.zeros_like(each) if grad is None else grad)
        assert each.grad.stride() == each.stride()


def test_a_fused_step_moves_each_weight_by_its_own_gradient(group):
    """Regression: 3x3 convolutions learned by the gradients of other weights."""
    one, other = make_model(), make_model()
    for model, shares in ((one, True), (other, False)):
        torch.manual_seed(1)
        backward(model)
        if shares:
            average_gradients(model)
        torch.optim.AdamW(model.parameters(), 1e-2, fused=True, weight_decay=0).step()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


def test_a_bad_process_spoils_the_step_of_all(group):
    model = make_model()
    backward(model)
    average_gradients(model, finite=False)
    assert all(torch.isnan(each.grad).all() for each in model.parameters())
