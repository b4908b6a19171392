"""``panmatch synth``: files hold what was generated, repetition, nothing is overwritten."""
import json

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from panmatch_ros.core.camera import Camera
from panmatch_ros.data.calibration import CameraInfo, load_rig, read_camera_info_yaml
from panmatch_ros.data.formats import read_disparity, read_flow, read_pfm
from panmatch_ros.data.images import read_image
from panmatch_ros.data.pose_file import read_pose
from panmatch_ros.data.synthetic import SceneRecipe, generate_pair, generate_sequence

SIZE = ('--size', '64x80')
RECIPE = {'height': 64, 'width': 80, 'max_disparity': 20.0}
IMAGES = ('image0.png', 'image1.png', 'occlusion.png', 'backward_occlusion.png')
CAMERA = ('depth0.pfm', 'depth1.pfm', 'pose.json')
FLOWS = ('flow.flo', 'backward_flow.flo')


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


def check_images(folder, pair):
    assert_array_equal(read_image(folder / 'image0.png'), pair.image0)
    assert_array_equal(read_image(folder / 'image1.png'), pair.image1)
    for name, mask in (('occlusion.png', pair.occlusion),
                       ('backward_occlusion.png', pair.occlusion_back)):
        assert_array_equal(read_image(folder / name), 255 * np.repeat(mask[..., None], 3, 2))


def check_flows(folder, pair):
    assert_array_equal(read_flow(folder / 'flow.flo'), pair.flow)
    assert_array_equal(read_flow(folder / 'backward_flow.flo'), pair.flow_back)


def check_depths_and_pose(folder, pair):
    assert_array_equal(read_pfm(folder / 'depth0.pfm'), pair.depth0)
    assert_array_equal(read_pfm(folder / 'depth1.pfm'), pair.depth1)
    pose = read_pose(folder / 'pose.json')
    assert pose.metric
    assert_allclose(pose.T_1_0, pair.T_1_0, rtol=0, atol=1e-12)


def test_files_of_stereo_pairs_hold_what_was_generated(panmatch, tmp_path):
    result = panmatch('synth', tmp_path, '--count', 2, *SIZE, '--kind', 'stereo', '--seed', 3)
    assert result.status == 0
    assert f'{tmp_path}: 2 pairs' in result.out
    assert files(tmp_path) == {'contact_sheet.png', 'synth.json', *(
        f'0000{index}/{name}' for index in (0, 1)
        for name in (*IMAGES, *CAMERA, 'disparity.pfm', 'disparity_right.pfm', 'calib.txt'))}
    for index in (0, 1):
        folder = tmp_path / f'{index:05d}'
        pair = generate_pair(SceneRecipe(**RECIPE, stereo_share=1), 3, index)
        check_images(folder, pair)
        check_depths_and_pose(folder, pair)
        assert_array_equal(read_disparity(folder / 'disparity.pfm'), -pair.flow[..., 0])
        assert_array_equal(read_disparity(folder / 'disparity_right.pfm'), pair.flow_back[..., 0])
        rig = load_rig(folder)
        assert_allclose(rig.left.K, pair.K)
        assert_allclose(rig.right.K, pair.K)
        assert rig.baseline_m == pytest.approx(-pair.T_1_0[0, 3])
        known = np.isfinite(pair.depth0)
        assert_allclose(pair.depth0[known], rig.focal_px * rig.baseline_m
                        / -pair.flow[..., 0][known], rtol=1e-4)


def test_files_of_layers_hold_what_was_generated(panmatch, tmp_path):
    assert panmatch('synth', tmp_path, '--count', 1, *SIZE, '--kind', 'layers').status == 0
    assert files(tmp_path / '00000') == {*IMAGES, *FLOWS}  # without a camera there is no depth
    pair = generate_pair(SceneRecipe(**RECIPE, stereo_share=0, layered_share=1), 0, 0)
    check_images(tmp_path / '00000', pair)
    check_flows(tmp_path / '00000', pair)


def test_files_of_a_moving_camera_hold_what_was_generated(panmatch, tmp_path):
    assert panmatch('synth', tmp_path, '--count', 2, *SIZE, '--kind', 'camera').status == 0
    for index in (0, 1):
        folder = tmp_path / f'{index:05d}'
        assert files(folder) == {*IMAGES, *FLOWS, *CAMERA, 'camera.yaml'}
        pair = generate_pair(SceneRecipe(**RECIPE, stereo_share=0, layered_share=0), 0, index)
        check_images(folder, pair)
        check_flows(folder, pair)
        check_depths_and_pose(folder, pair)
        info = read_camera_info_yaml(folder / 'camera.yaml')
        assert isinstance(info, CameraInfo)
        camera = Camera.from_camera_info(info)
        assert (camera.height, camera.width) == (64, 80)
        assert_allclose(camera.K, pair.K)


@pytest.mark.parametrize('kind', ['layers', 'camera'])
def test_sequences(panmatch, tmp_path, kind):
    result = panmatch('synth', tmp_path, '--count', 2, *SIZE, '--kind', kind, '--sequence', 3)
    assert result.status == 0
    assert f'{tmp_path}: 2 sequences of 3 frames' in result.out
    names = {*IMAGES, *FLOWS, *((*CAMERA, 'camera.yaml') if kind == 'camera' else ())}
    assert files(tmp_path) == {'contact_sheet.png', 'synth.json', *(
        f'0000{index}/00{step}/{name}' for index in (0, 1) for step in (0, 1) for name in names)}
    assert json.loads((tmp_path / 'synth.json').read_text())['sequence'] == 3
    recipe = SceneRecipe(**RECIPE, stereo_share=0, layered_share=int(kind == 'layers'))
    sequence = generate_sequence(recipe, 0, 1, 3)
    for step in (0, 1):
        folder = tmp_path / '00001' / f'00{step}'
        pair = sequence.step(step)
        assert_array_equal(pair.image1, sequence.frames[step + 1])
        check_images(folder, pair)
        check_flows(folder, pair)
        if kind == 'camera':
            check_depths_and_pose(folder, pair)
    first, second = (read_image(tmp_path / '00001' / name) for name in
                     ('000/image1.png', '001/image0.png'))
    assert_array_equal(first, second)


def test_the_sheet_of_sequences_has_a_row_for_each_step(panmatch, tmp_path):
    heights = []
    for frames in (3, 5):
        panmatch('synth', tmp_path / f'{frames}', '--count', 1, *SIZE, '--sequence', frames)
        sheet = read_image(tmp_path / f'{frames}' / 'contact_sheet.png')
        assert sheet.shape[1] == 1280
        heights.append(sheet.shape[0])
    assert (heights[1] - 8) == 2 * (heights[0] - 8)  # four rows and two, and a margin


def test_a_sequence_is_never_stereo(panmatch, tmp_path):
    result = panmatch('synth', tmp_path / 'a', '--kind', 'stereo', '--sequence', 4)
    assert result.status == 1
    assert '--kind is stereo; name another kind, or leave --sequence out' in result.err
    assert not (tmp_path / 'a').exists()


@pytest.mark.parametrize('text', ['1', '-2', '2.5', 'many', '1001'])
def test_wrong_lengths_of_sequences(panmatch, tmp_path, text):
    result = panmatch('synth', tmp_path / 'a', f'--sequence={text}')
    assert result.status == 2
    assert f"'{text}' is not a whole number of frames from 2 to 1000" in result.err
    assert not (tmp_path / 'a').exists()


def test_the_sheet_shows_four_pictures_a_pair(panmatch, tmp_path):
    panmatch('synth', tmp_path / 'a', '--count', 3, '--size', '64x80')
    assert read_image(tmp_path / 'a' / 'contact_sheet.png').shape[1] == 1280
    about = json.loads((tmp_path / 'a' / 'synth.json').read_text())
    assert (about['count'], about['seed'], about['recipe']['width']) == (3, 0, 80)


def test_a_seed_repeats_the_pairs(panmatch, tmp_path):
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        panmatch('synth', tmp_path / name, '--count', 1, '--size', '64x80', '--seed', seed)
    a, b, c = (read_image(tmp_path / name / '00000' / 'image0.png') for name in 'abc')
    assert (a == b).all()
    assert (a != c).any()


def test_nothing_is_overwritten_unasked(panmatch, tmp_path):
    command = ('synth', tmp_path / 'a', '--count', 2, '--size', '64x80')
    assert panmatch(*command).status == 0
    result = panmatch(*command)
    assert result.status == 1
    assert '--overwrite' in result.err
    assert panmatch('synth', tmp_path / 'a', '--count', 1, '--size', '64x80',
                    '--overwrite').status == 0
    assert not (tmp_path / 'a' / '00001').exists()


def test_other_folders_are_never_replaced(panmatch, tmp_path):
    (tmp_path / '00000').mkdir()
    (tmp_path / '00000' / 'mine.txt').write_text('keep')
    result = panmatch('synth', tmp_path, '--overwrite')
    assert result.status == 1
    assert 'synth.json' in result.err
    assert (tmp_path / '00000' / 'mine.txt').read_text() == 'keep'


@pytest.mark.parametrize('option', [('--size', '64'), ('--size', '0x-3'), ('--count', '0'),
                                    ('--seed', '-1'), ('--photometrics', '2')])
def test_wrong_options(panmatch, tmp_path, option):
    assert panmatch('synth', tmp_path / 'a', *option).status == 2
    assert not (tmp_path / 'a').exists()


def test_a_size_that_is_too_small(panmatch, tmp_path):
    result = panmatch('synth', tmp_path / 'a', '--size', '8x8')
    assert result.status == 1
    assert 'at least 32' in result.err
    assert not (tmp_path / 'a').exists()


def test_evaluate_reads_the_pairs(panmatch, tmp_path):
    panmatch('synth', tmp_path / 'a', '--count', 2, '--size', '96x128', '--kind', 'stereo')
    result = panmatch('evaluate', tmp_path / 'a', '--matcher', 'classical')
    assert result.status == 0
    assert '2 pairs: 2 stereo, told' in result.err


def test_evaluate_reads_the_steps_of_sequences(panmatch, tmp_path):
    panmatch('synth', tmp_path / 'a', '--count', 1, '--size', '96x128', '--kind', 'camera',
             '--sequence', 3)
    result = panmatch('evaluate', tmp_path / 'a', '--matcher', 'classical')
    assert result.status == 0
    assert '2 pairs: 2 flow, told' in result.err
