"""The comparison with files: it recomputes what a file says, and fails on all that differs."""
import json

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
from parity_files import images, module_arrays, network_of, whole_arrays, write
import tiny_network  # noqa: F401 - one thread
import torch

from panmatch_ros.core.errors import FormatError, PanMatchError
from panmatch_ros.inference.parity import run
from panmatch_ros.inference.parity.networks import Networks
from panmatch_ros.inference.parity.run import check_file, find_files
from panmatch_ros.models.presets import preset

TINY = preset('panmatch_tiny')
SLICES = {'vit0_in': 'strides [1, 1, 4, 4]', 'cost_memory': 'strides [7, 1, 4]',
          'fpn_v1_3': 'strides [1, 16, 2]'}
SALT = 'x'


@pytest.fixture(scope='module')
def network():
    return network_of(TINY, SALT)


@pytest.fixture(scope='module')
def whole(network):
    return whole_arrays(network, (100, 150))


@pytest.fixture(scope='module')
def modules(network):
    return module_arrays(network, 'eval')


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Compare a file with the tiny network, whatever backbone it says."""
    monkeypatch.setattr(run, 'network_config', lambda meta, stem: TINY)

    def checked(meta, arrays):
        path = write(tmp_path / 'file.npz', meta, arrays)
        return {error.name: error for error in check_file(path, Networks())}
    return checked


def test_a_whole_run_is_computed_again(check, whole):
    errors = check({'salt': SALT, 'slices': SLICES}, whole)
    assert set(errors) == set(whole) - {'im0', 'im1'}
    exact = [name for name in errors if name not in ('flow', 'flow_last_fullres_prerestore')]
    assert [name for name in exact if errors[name].error > 0] == []
    assert all(error.passed for error in errors.values())


def test_modules_are_computed_again(check, modules):
    meta, arrays = modules
    slices = {'cost_maps': 'strides [5, 1, 1, 1]', 'linear_0': 'strides [1, 4]'}
    errors = check({**meta, 'salt': SALT, 'slices': slices}, arrays)
    assert set(errors) == {*arrays, 'matcher_b_final (in a batch)'}
    assert all(error.passed for error in errors.values())
    inexact = {name for name, error in errors.items() if error.error > 0}
    assert inexact <= {'matcher_b_final (in a batch)', 'matcher_b_final', 'matcher_flow_final',
                       'matcher_flow_init_final'}


def test_the_real_network_under_another_salt(tmp_path):
    """All of a small official network, found by what the file says about it."""
    hooks = [1, 4, 6, 9]
    network = network_of(preset('panmatch_s', vit_hooks=tuple(hooks)), 'held out')
    arrays = whole_arrays(network, (112, 112), seed=7)
    meta = {'backbone': ['dinov2_vits14_reg', hooks, 256], 'salt': 'held out', 'hw': [112, 112],
            'seed': 7, 'slices': {'context': 'strides [1, 4, 1, 1]'}}
    path = write(tmp_path / 'hidden.npz', meta, arrays)
    errors = list(check_file(path, Networks()))
    assert len(errors) == len(arrays) - 2
    assert [error for error in errors if not error.passed] == []


@pytest.mark.parametrize('changed', ['salt', 'weight', 'image'])
def test_another_network_or_image_is_seen(check, whole, monkeypatch, changed):
    meta, arrays = {'salt': SALT}, dict(whole)
    if changed == 'salt':
        meta['salt'] = 'y'
    elif changed == 'image':
        arrays['im1'] = images((100, 150), seed=9)[1]
    else:
        get = Networks.get

        def perturbed(self, config, salt):
            network = get(self, config, salt)
            network.decoder.gru.convq2.weight[3, 5, 2, 0] += 0.1
            return network

        monkeypatch.setattr(Networks, 'get', perturbed)
    errors = check(meta, arrays)
    assert not errors['flow'].passed
    assert errors['fmap_v0'].passed == (changed != 'salt')
    assert errors['vit1_in'].passed == (changed != 'image')


def test_each_changed_array_is_seen(check, whole):
    changed = {name: array.copy() for name, array in whole.items()}
    for name, array in changed.items():
        if not name.startswith('im'):
            array.flat[array.size // 3] += 1e-3
    errors = check({'salt': SALT}, changed)
    assert [name for name, error in errors.items() if error.passed] == []
    assert all(error.error == pytest.approx(1e-3, rel=0.2) for error in errors.values())


def test_each_changed_module_is_seen(check, modules):
    meta, arrays = modules
    changed = {name: array.copy() for name, array in arrays.items()}
    for array in changed.values():
        array.flat[array.size // 2] += 1e-3
    errors = check({**meta, 'salt': SALT}, changed)
    assert [name for name, error in errors.items() if error.passed] == []


def test_the_split_of_the_inputs_matters(check, modules):
    meta, arrays = modules
    notes = {name: text.replace('eval/', 'dev/') for name, text in meta['notes'].items()}
    errors = check({**meta, 'salt': SALT, 'notes': notes}, arrays)
    assert [name for name, error in errors.items() if error.passed] == ['vits_112x168_pos']


def test_another_stride_is_another_shape(check, whole, tmp_path):
    arrays = {**whole, 'context': whole['context'][:, ::2]}
    assert 'shape' in check({'salt': SALT}, arrays)['context'].where


def test_unknown_arrays_fail(check, whole, modules):
    errors = check({'salt': SALT}, {**whole, 'vit7_hook0': np.zeros(3)})
    assert (errors['vit7_hook0'].where, errors['vit7_hook0'].passed) == ('unknown array', False)
    meta, arrays = modules
    errors = check({**meta, 'salt': SALT}, {**arrays, 'corr_proj_9': np.zeros(3)})
    assert (errors['corr_proj_9'].where, errors['corr_proj_9'].passed) == ('unknown array', False)


def test_the_documented_bug_of_the_reference_is_not_compared(check, modules):
    meta, arrays = modules
    errors = check({**meta, 'salt': SALT},
                   {**arrays, 'matcher_batch2_final_REFERENCE_BUG': np.zeros((2, 2, 48, 72))})
    assert 'matcher_batch2_final_REFERENCE_BUG' not in errors


def test_tiles(check, network):
    image0, image1 = images((120, 130))
    arrays = {'im0': image0, 'im1': image1, 'flow': np.zeros((1, 2, 120, 130), np.float32),
              'first_tile_flow_prerestore': np.zeros((1, 2, 112, 112), np.float32)}
    errors = check({'tile': [112, 112]}, arrays)
    assert set(errors) == {'flow', 'flow (corners)', 'first_tile_flow_prerestore'}
    assert not any(error.passed for error in errors.values())
    assert all(np.isfinite(error.error) for error in errors.values())
    errors = check({'tile': [112, 112]}, {**arrays, 'flow': arrays['flow'][:, :, 1:]})
    assert 'shape' in errors['flow'].where


@pytest.mark.parametrize(('changes', 'text'), [
    ({'salt': 5}, 'salt must be a text'), ({'salt': ['x']}, 'salt must be a text'),
    ({'tile': 'all'}, r'tile must be \[height, width\]'), ({'tile': [280]}, 'tile must be'),
    ({'tile': [0, 280]}, 'tile must be'), ({'tile': [280.5, 336]}, 'tile must be'),
    ({'tile': None}, 'tile must be'),
    ({'slices': {'context': 'every second'}}, 'the slice of context'),
    ({'slices': {'context': 'strides [0, 1]'}}, 'the slice of context'),
    ({'slices': {'context': 'strides [1, 1, 1, 1, 1]'}}, 'the slice of context'),
    ({'slices': ['context']}, 'slices of the meta data')])
def test_wrong_meta_data_of_a_whole_run(tmp_path, monkeypatch, whole, changes, text):
    monkeypatch.setattr(run, 'network_config', lambda meta, stem: TINY)
    path = tmp_path / 'a.npz'
    meta = {'salt': SALT, **changes}
    np.savez(path, meta_json=np.array(json.dumps(meta)), **whole)
    with pytest.raises(FormatError, match=text):
        list(check_file(path, Networks()))


@pytest.mark.parametrize(('changes', 'text'), [
    ({'guide_hw': None}, 'guide_hw must be'), ({'guide_hw': [112]}, 'guide_hw must be'),
    ({'guide_hw': [0, 112]}, 'guide_hw must be'), ({'guide_hw': [112, 120]}, 'guide_hw must be'),
    ({'guide_hw': [10 ** 9, 112]}, 'guide_hw must be'),
    ({'matcher_hw': [-1, 4]}, 'matcher_hw must be'), ({'matcher_hw': 'x'}, 'matcher_hw must be'),
    ({'notes': {}}, 'guided_up_2'), ({'notes': {'guided_up_2': 5}}, 'guided_up_2'),
    ({'notes': {'guided_up_2': 'low=(1, 32, 3, 5)'}}, 'guided_up_2'),
    ({'notes': {'guided_up_2': 'low=(1, 31, 3, 5) guide=(1, 32, 6, 6)'}}, 'guided_up_2'),
    ({'notes': {'guided_up_2': 'low=(1, 32, 3) guide=(1, 32, 6, 6)'}}, 'guided_up_2'),
    ({'notes': {'guided_up_2': 'low=(1, 32, 0, 5) guide=(1, 32, 6, 6)'}}, 'guided_up_2'),
    ({'notes': {'guided_up_2': 'low=(1, 32, 3, 5) guide=(1, 32, 99999, 99999)'}}, 'guided_up_2')])
def test_wrong_meta_data_of_modules(check, modules, changes, text):
    meta, arrays = modules
    with pytest.raises(FormatError, match=text):
        check({**meta, 'salt': SALT, **changes}, arrays)


@pytest.mark.parametrize('image', [None, np.zeros((100, 150, 3), np.float32),
                                   np.zeros((100, 150), np.uint8),
                                   np.zeros((100, 151, 3), np.uint8),
                                   np.zeros((0, 150, 3), np.uint8)])
def test_images_of_another_form(check, whole, image):
    arrays = {**whole, 'im1': image}
    if image is None:
        del arrays['im1']
    with pytest.raises(PanMatchError):
        check({'salt': SALT}, arrays)


def test_a_vit_of_another_size_is_refused(check, modules):
    meta, arrays = modules
    arrays = {**arrays, 'vits_100x168_hook0': np.zeros((1, 32, 7, 12), np.float32)}
    errors = check({**meta, 'salt': SALT}, arrays)
    assert not errors['vits_100x168_hook0'].passed


def test_a_file_without_results_is_no_success(check, whole):
    with pytest.raises(FormatError, match='no array in it'):
        check({'salt': SALT}, {name: whole[name] for name in ('im0', 'im1')})


def test_the_caller_is_not_left_in_inference_mode(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(run, 'network_config', lambda meta, stem: TINY)
    path = write(tmp_path / 'file.npz', {'salt': SALT}, whole)
    modes = {torch.is_inference_mode_enabled() for _ in check_file(path, Networks())}
    assert modes == {False}


def test_files_of_no_known_kind(check):
    with pytest.raises(FormatError, match='expected a whole run, a tiled run, modules or'):
        check({'salt': ''}, {'a': np.zeros(3)})


def test_files_of_a_folder_small_networks_first(tmp_path):
    names = ['whole_g_reg', 'whole_b_reg', 'modules_s_reg', 'whole_s_noreg', 'geometry_tiling',
             'other', 'tiled_l_reg']
    for name in names:
        (tmp_path / f'{name}.npz').touch()
    (tmp_path / 'notes.txt').touch()
    assert [path.stem for path in find_files(tmp_path)] == [
        'geometry_tiling', 'modules_s_reg', 'whole_s_noreg', 'whole_b_reg', 'tiled_l_reg',
        'whole_g_reg', 'other']
    assert find_files(tmp_path / 'other.npz') == [tmp_path / 'other.npz']


def test_a_folder_without_files(tmp_path):
    with pytest.raises(FormatError, match=r'no \.npz file in it'):
        find_files(tmp_path)
    with pytest.raises(FormatError, match='no such folder'):
        find_files(tmp_path / 'none')
