"""Files with the motion between two cameras."""
import json

import numpy as np
import pytest
from two_view_scene import motion

from panmatch_ros.core.errors import FormatError
from panmatch_ros.data.pose_file import read_pose, write_pose

T = motion(25, (0.1, -0.2, 0.3))


def rows(matrix):
    return '\n'.join(' '.join(repr(float(value)) for value in row) for row in matrix)


@pytest.mark.parametrize(('name', 'text'), [
    ('a.txt', rows(T)), ('a.txt', '# T_1_0\n' + rows(T[:3]).replace(' ', ', ')),
    ('a', rows(T[:3]).replace('\n', ' ')),
    ('a.json', json.dumps(T.tolist())), ('a.json', json.dumps(T[:3].ravel().tolist())),
    ('a.json', json.dumps({'T_1_0': T.tolist()})),
    ('a.yaml', f'T_1_0: {T.tolist()}\nscale: metric\n'), ('a.yml', str(T.tolist()))])
def test_matrices_in_all_forms(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    pose = read_pose(tmp_path / name)
    assert pose.metric
    np.testing.assert_allclose(pose.T_1_0, T, atol=1e-12)


@pytest.mark.parametrize(('quaternion', 'turned'), [
    ((0, 0, 0, 1), (1, 0, 0)), ((0, 0, np.sqrt(0.5), np.sqrt(0.5)), (0, 1, 0)),
    ((0, np.sqrt(0.5), 0, np.sqrt(0.5)), (0, 0, -1)), ((0, 0, -1, 0), (-1, 0, 0))])
def test_quaternions_have_their_real_part_last(tmp_path, quaternion, turned):
    (tmp_path / 'a.txt').write_text(' '.join(map(str, (1, 2, 3, *quaternion))))
    T_1_0 = read_pose(tmp_path / 'a.txt').T_1_0
    np.testing.assert_allclose(T_1_0[:3, :3] @ [1, 0, 0], turned, atol=1e-12)
    np.testing.assert_array_equal(T_1_0[:3, 3], [1, 2, 3])


@pytest.mark.parametrize('metric', [True, False])
def test_what_is_written_can_be_read(tmp_path, metric):
    write_pose(tmp_path / 'a.json', T, metric, {'inliers': 5})
    pose = read_pose(tmp_path / 'a.json')
    np.testing.assert_array_equal(np.round(pose.T_1_0 - T, 12), 0)
    assert pose.metric == metric
    assert json.loads((tmp_path / 'a.json').read_text())['inliers'] == 5


@pytest.mark.parametrize(('name', 'text', 'part'), [
    ('a.txt', '', 'empty'), ('a.txt', '# nothing', 'found no numbers'),
    ('a.txt', '1 2 3', 'found 3 numbers'), ('a.txt', 'a b c', "found 'a'"),
    ('a.txt', '1 ' * 5000, 'at most'), ('a.txt', '1 ' * 17, 'found 17 numbers'),
    ('a.txt', rows(np.diag([1.0, 1, 2, 1])), 'not orthonormal'),
    ('a.txt', rows(np.diag([1.0, 1, -1, 1])), 'mirrors'),
    ('a.txt', rows(np.diag([1.0, 1, 1, 3])), 'last row'),
    ('a.txt', 'nan 0 0 0 0 0 1', 'not finite'), ('a.txt', '0 0 0 0 0 0 2', 'length 1'),
    ('a.txt', '0 0 0 0 0 0 nan', 'not finite|length 1'),
    ('a.json', '{', 'no JSON'), ('a.json', '[' * 4000, 'no JSON'), ('a.json', '{}', 'without'),
    ('a.json', '{"T_1_0": 5}', 'no numbers'), ('a.json', '[[1, 2], [3]]', 'found 3 numbers'),
    ('a.json', '[true, 0, 0, 0, 0, 0, 1]', 'found True'), ('a.json', '"text"', 'no numbers'),
    ('a.json', f'[{"9" * 400}, 0, 0, 0, 0, 0, 1]', 'found 9999'),
    ('a.json', json.dumps({'T_1_0': T.tolist(), 'scale': 'miles'}), 'scale must be'),
    ('a.yaml', 'a: [', 'no YAML'), ('a.yaml', 'a: 1', 'without T_1_0')])
def test_what_is_no_pose_is_refused(tmp_path, name, text, part):
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError, match=part):
        read_pose(tmp_path / name)


def test_yaml_aliases_do_no_harm(tmp_path):
    levels = ['a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]']
    levels += [f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9)}]' for i in range(1, 12)]
    (tmp_path / 'a.yaml').write_text('\n'.join([*levels, 'T_1_0: *a11']))
    with pytest.raises(FormatError, match='T_1_0'):
        read_pose(tmp_path / 'a.yaml')


def test_a_missing_file(tmp_path):
    with pytest.raises(FormatError, match='no such file'):
        read_pose(tmp_path / 'none.txt')
