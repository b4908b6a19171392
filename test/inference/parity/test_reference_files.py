"""
Every array that the reference code computed.

Small files are part of the repository. The environment variable PANMATCH_PARITY_DIR names a
folder with more of them; those that take a minute each are used only if PANMATCH_PARITY_ALL is 1.
"""
import os
from pathlib import Path
import re

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
from parity_files import SMALL
import tiny_network  # noqa: F401 - one thread

from panmatch_ros.inference.parity.networks import Networks
from panmatch_ros.inference.parity.run import check_file

FOLDER = Path(os.environ.get('PANMATCH_PARITY_DIR', SMALL))
LONG = re.compile(r'_[lg]_|^tiled_|_224x280')  # backbones of gigabytes, or many pixels
INPUTS = {'meta_json', 'im0', 'im1'}


@pytest.fixture(scope='module')
def networks():
    """Keep the network from file to file."""
    return Networks()


def agree(path, networks):
    """Check a file; return the errors of its arrays by name."""
    errors = {error.name: error for error in check_file(path, networks)}
    assert [error for error in errors.values() if not error.passed] == []
    return errors


def results(path):
    """Names of the arrays that a file holds, without inputs and what nobody shall match."""
    with np.load(path) as arrays:
        return {name for name in arrays.files if not name.endswith('_REFERENCE_BUG')} - INPUTS


def test_modules(networks):
    path = SMALL / 'modules_s_reg.npz'
    errors = agree(path, networks)
    assert set(errors) == results(path) | {'matcher_b_final (in a batch)'}
    assert len(errors) == 51
    # Well inside of the tolerances; flows are up to 40 px.
    assert errors['vits_224x280_hook3'].error < 5e-6
    assert errors['cost_memory'].error < 5e-5
    assert errors['matcher_flow_final'].error < 1e-4


def test_a_whole_run(networks):
    path = SMALL / 'whole_s_reg_112x112.npz'
    errors = agree(path, networks)
    assert set(errors) == results(path)
    assert len(errors) == 63
    assert {'vit1_hook3', 'up0_v0', 'fpn_v1_0', 'corr3_v1', 'ctx2', 'fmap_v0', 'context',
            'cost_memory', 'flow_iters_strided', 'flow'} <= set(errors)


@pytest.mark.slow
@pytest.mark.parametrize('name', [
    'whole_s_noreg_f96_112x168', 'whole_s_reg_100x150', 'whole_s_reg_112x168',
    'whole_s_reg_224x280', 'tiled_s_reg_300x430', 'whole_g_reg_112x168', 'whole_g_reg_224x280'])
def test_more_files(name, networks):
    path = FOLDER / f'{name}.npz'
    if not path.is_file():
        pytest.skip(f'{path.name} is not there: set PANMATCH_PARITY_DIR')
    if LONG.search(name) and os.environ.get('PANMATCH_PARITY_ALL') != '1':
        pytest.skip(f'{path.name} takes a minute or gigabytes: set PANMATCH_PARITY_ALL=1')
    errors = agree(path, networks)
    extra = {'flow (corners)'} if name.startswith('tiled') else set()
    assert set(errors) == results(path) | extra
