"""What batches are made of: pairs that stay true however they are turned."""
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_pair  # noqa: E402
from panmatch_ros.training import batch as batches  # noqa: E402
from panmatch_ros.training.config import Phase  # noqa: E402

SCENES = SceneRecipe(height=64, width=128, pool_size=20, photometric_share=0)


class Scripted:
    """A random generator that answers what it was told."""

    def __init__(self, *values):
        self.values = np.array(values)

    def random(self, count):
        return self.values[:count]


@pytest.fixture(scope='module', params=[True, False], ids=['stereo', 'flow'])
def pair(request):
    scenes = SceneRecipe(height=64, width=128, pool_size=20, photometric_share=0,
                         stereo_share=float(request.param), motion_scale=0.5)
    return generate_pair(scenes, 5, 3)


def warp_error(pair):
    """Mean difference of image 0 and the pixels that the flow names, where both are seen."""
    y, x = np.mgrid[:pair.flow.shape[0], :pair.flow.shape[1]]
    x1 = np.rint(x + pair.flow[..., 0]).astype(int)
    y1 = np.rint(y + pair.flow[..., 1]).astype(int)
    inside = (x1 >= 0) & (x1 < x.shape[1]) & (y1 >= 0) & (y1 < x.shape[0]) & ~pair.occlusion
    difference = (pair.image0[inside].astype(int)
                  - pair.image1[y1[inside], x1[inside]].astype(int))
    return np.abs(difference).mean()


@pytest.mark.parametrize('choices', [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1),
                                     (0, 1, 1)])
def test_turned_pairs_stay_true(pair, choices):
    turned = batches.turned(pair, Scripted(*(0.0 if each else 1.0 for each in choices)))
    assert turned.rectified == pair.rectified
    assert warp_error(turned) < 1.3 * warp_error(pair) + 1.0
    if pair.rectified:
        assert (turned.flow[..., 1] == 0).all()
        assert (turned.flow[..., 0] <= 1e-6).all()


def test_swapped_pairs_change_places():
    pair = generate_pair(SceneRecipe(height=64, width=128, pool_size=20, stereo_share=0), 5, 0)
    swapped = batches.turned(pair, Scripted(0.0, 1.0, 1.0))
    assert np.array_equal(swapped.image0, pair.image1)
    assert np.array_equal(swapped.flow, pair.flow_back)
    assert np.array_equal(swapped.occlusion, pair.occlusion_back)


def test_rectified_pairs_are_the_last():
    pool = batches.PairPool(Phase(batch=6, pool=12, fresh=1, rectified_share=1.0,
                                  scenes=SCENES), seed=1)
    for _ in range(4):
        batch = pool.next()
        horizontal = (batch.flow[:, 1] == 0).flatten(1).all(1)
        assert horizontal[6 - batch.rectified:].all()
        assert batch.image0.shape == (6, 3, 64, 128)
        assert 0 <= batch.image0.min() <= batch.image0.max() <= 1
        assert batch.occlusion.dtype == torch.bool


def test_the_pool_is_renewed_and_bounded():
    pool = batches.PairPool(Phase(batch=2, pool=8, fresh=2, scenes=SCENES), seed=1)
    pool.next()
    first = list(pool._pairs)
    assert len(first) == 8
    rendered = pool.rendered
    pool.next()
    assert pool.rendered == rendered + 2
    assert len(pool._pairs) == 8
    assert sum(a is not b for a, b in zip(first, pool._pairs, strict=True)) == 2


def test_half_a_fresh_pair_is_one_every_second_step():
    pool = batches.PairPool(Phase(batch=2, pool=8, fresh=0.5, scenes=SCENES), seed=1)
    pool.next()
    counts = []
    for _ in range(4):
        pool.next()
        counts.append(pool.rendered)
    assert counts[3] - counts[1] == counts[2] - counts[0] == 1


def test_processes_and_later_runs_see_other_scenes():
    phase = Phase(batch=2, pool=8, fresh=1, scenes=SCENES)
    pools = [batches.PairPool(phase, 1, stream, 2) for stream in (0, 1)]
    later = batches.PairPool(phase, 1, 0, 2, first=100)
    images = [pool.next() and pool._pairs[0].image0 for pool in (*pools, later)]
    assert not any(np.array_equal(images[i], images[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_batches_of_a_device_are_new_and_sorted():
    phase = Phase(batch=6, pool=6, rectified_share=1.0, scenes=SCENES)
    source = batches.DevicePairs(phase, seed=1, device=torch.device('cpu'))
    first, second = source.next(), source.next()
    assert source.rendered == 12
    assert not torch.equal(first.image0, second.image0)
    for batch in (first, second):
        assert batch.image0.shape == (6, 3, 64, 128)
        horizontal = (batch.flow[:, 1] == 0).flatten(1).all(1)
        assert horizontal[6 - batch.rectified:].all()
        assert not horizontal[:6 - batch.rectified].any()
