"""``panmatch match``: wrong input gives one line, and nothing of the user is lost."""
import shutil

import cv2
import numpy as np
import pytest


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out'


def assert_one_line(result, *parts):
    assert result.status == 1
    assert result.out == ''
    assert result.err.count('\n') == 1, result.err
    assert result.err.startswith('panmatch match: error: ')
    for part in parts:
        assert part in result.err


@pytest.mark.parametrize(('content', 'part'), [
    (None, 'no such file'), ('folder', 'expected a file'), (b'', 'empty'),
    (b'not an image', 'expected an image'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'git lfs pull')])
@pytest.mark.parametrize('position', [0, 1])
def test_bad_image(panmatch, flow_pair, out, tmp_path, content, part, position):
    bad = tmp_path / 'bad.png'
    if content == 'folder':
        bad.mkdir()
    elif content is not None:
        bad.write_bytes(content)
    images = list(flow_pair)
    images[position] = bad
    assert_one_line(panmatch('match', *images, '--out', out), str(bad), part)
    assert not out.exists()


def test_truncated_image(panmatch, flow_pair, out):
    flow_pair[1].write_bytes(flow_pair[1].read_bytes()[:2000])
    assert_one_line(panmatch('match', *flow_pair, '--out', out), str(flow_pair[1]))


def test_different_sizes(panmatch, flow_pair, out):
    cv2.imwrite(str(flow_pair[1]), np.zeros((50, 60), np.uint8))
    assert_one_line(panmatch('match', *flow_pair, '--out', out), 'same size', '160x96', '60x50',
                    str(flow_pair[0]), str(flow_pair[1]))


@pytest.mark.parametrize(('options', 'part'), [
    (['--calib', 'calib.txt'], '--calib is for --task stereo'),
    (['--max-disparity', '64'], '--max-disparity is for --task stereo'),
    (['--task', 'match', '--min-disparity', '1'], '--min-disparity is for --task stereo'),
    (['--max-matches', '5'], '--max-matches is for --task match'),
    (['--sampling', 'grid'], '--sampling is for --task match'),
    (['--task', 'stereo', '--calib', 'a', 'b', 'c'], 'one or two files'),
])
def test_options_of_another_task(panmatch, flow_pair, out, options, part):
    assert_one_line(panmatch('match', *flow_pair, '--out', out, *options), part)
    assert not out.exists()


def test_contradicting_disparities(panmatch, stereo_pair, out):
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--out', out,
                      '--min-disparity', 20, '--max-disparity', 10)
    assert result.status == 1
    assert 'max_disparity must be larger than min_disparity' in result.err
    assert not out.exists()


@pytest.mark.parametrize(('content', 'part'), [(None, 'no such file'), ('', 'empty'),
                                               ('hello', 'calib.txt')])
def test_bad_calibration(panmatch, stereo_pair, out, tmp_path, content, part):
    calib = tmp_path / 'calib.txt'
    if content is not None:
        calib.write_text(content)
    assert_one_line(panmatch('match', *stereo_pair, '--task', 'stereo', '--calib', calib,
                             '--out', out), str(calib), part)


def test_one_yaml_is_not_enough(panmatch, stereo_pair, out, tmp_path):
    calib = tmp_path / 'left.yaml'
    calib.write_text('image_width: 160\n')
    assert_one_line(panmatch('match', *stereo_pair, '--task', 'stereo', '--calib', calib,
                             '--out', out), 'a rig needs two')


def test_folder_that_is_not_empty(panmatch, flow_pair, out):
    out.mkdir()
    (out / 'notes.txt').write_text('mine')
    assert_one_line(panmatch('match', *flow_pair, '--out', out), 'is not empty', '--overwrite')
    assert [path.name for path in out.iterdir()] == ['notes.txt']


def test_empty_folder_is_used(panmatch, flow_pair, out):
    out.mkdir()
    assert panmatch('match', *flow_pair, '--out', out).status == 0


def test_out_is_a_file(panmatch, flow_pair, out):
    out.write_text('mine')
    for options in ([], ['--overwrite']):
        assert_one_line(panmatch('match', *flow_pair, '--out', out, *options), 'is a file')
    assert_one_line(panmatch('match', *flow_pair, '--out', out / 'below'), str(out))
    assert out.read_text() == 'mine'


def test_overwrite_replaces_only_our_files(panmatch, stereo_pair, out):
    assert panmatch('match', *stereo_pair, '--task', 'stereo', '--out', out).status == 0
    (out / 'notes.txt').write_text('mine')
    (out / 'flow.png').write_text('mine too: no result of the first run')
    (out / 'matches.png').write_text('also mine')
    first = (out / 'summary.json').read_text()
    result = panmatch('match', *stereo_pair, '--task', 'flow', '--out', out, '--overwrite')
    assert result.status == 0
    assert {path.name for path in out.iterdir()} == {
        'notes.txt', 'matches.png', 'flow.npy', 'flow.flo', 'flow.png', 'confidence.npy',
        'confidence.png', 'summary.json'}
    assert (out / 'notes.txt').read_text() == 'mine'
    assert (out / 'matches.png').read_text() == 'also mine'
    assert (out / 'summary.json').read_text() != first


@pytest.mark.parametrize('text', ['', '[]', '{"files": 3}', '{"files": ["../x", 5, "notes.txt"]}'])
def test_a_foreign_summary_removes_nothing(panmatch, flow_pair, out, text):
    out.mkdir()
    (out / 'summary.json').write_text(text)
    (out / 'notes.txt').write_text('mine')
    (out.parent / 'x').write_text('mine')
    assert panmatch('match', *flow_pair, '--out', out, '--overwrite').status == 0
    assert (out / 'notes.txt').exists()
    assert (out.parent / 'x').exists()


def test_results_never_go_to_the_folder_of_the_images(panmatch, flow_pair):
    # There they could replace ground truth called flow.flo.
    folder = flow_pair[0].parent
    truth = folder / 'flow.flo'
    truth.write_text('truth')
    result = panmatch('match', *flow_pair, '--out', folder, '--overwrite')
    assert_one_line(result, 'holds the input img0.png')
    assert truth.read_text() == 'truth'
    link = folder.parent / 'link'
    link.symlink_to(folder)
    assert_one_line(panmatch('match', *flow_pair, '--out', link, '--overwrite'), 'holds the')


def test_the_inputs_stay_as_they_are(panmatch, flow_pair, out, tmp_path):
    copy = shutil.copytree(flow_pair[0].parent, tmp_path / 'copy')
    panmatch('match', *flow_pair, '--out', out)
    for path in flow_pair:
        assert path.read_bytes() == (copy / path.name).read_bytes()
