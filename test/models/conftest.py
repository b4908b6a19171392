"""A tiny network with reproducible weights."""
import pytest


@pytest.fixture(scope='session')
def network():
    """In double precision, so that formulas agree to rounding; not to be changed."""
    from tiny_network import tiny_model
    return tiny_model().double().requires_grad_(False)


@pytest.fixture(scope='session')
def single():
    """In single precision, as it is used; not to be changed."""
    from tiny_network import tiny_model
    return tiny_model().requires_grad_(False)
