"""``panmatch evaluate`` in a folder that it knows: what is kept, scored again, shown again."""
import json
import os

from pair_folders import write_pair_folders
import pytest

from panmatch_ros.cli import evaluate
from panmatch_ros.evaluation import prediction, score
from panmatch_ros.inference.classical import ClassicalMatcher


@pytest.fixture
def dataset(tmp_path, make_stereo, make_flow):
    return write_pair_folders(tmp_path / 'data', make_stereo, make_flow)


def test_a_second_run_matches_nothing(panmatch, dataset, tmp_path):
    out = tmp_path / 'out'
    arguments = ('evaluate', dataset, '--matcher', 'classical', '--out', out)
    assert '(kept)' not in panmatch(*arguments).err
    first = json.loads((out / 'results.json').read_text())
    again = panmatch(*arguments, '--overwrite')
    assert again.err.count(' ms (kept)') == 4
    assert json.loads((out / 'results.json').read_text()) == first
    other = panmatch(*arguments, '--overwrite', '--max-disparity', 32)
    assert '(kept)' not in other.err
    fresh = panmatch(*arguments, '--overwrite', '--max-disparity', 32, '--fresh')
    assert '(kept)' not in fresh.err


def test_what_an_interrupted_run_has_matched_is_kept(panmatch, dataset, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    arguments = ('evaluate', dataset, '--matcher', 'classical', '--out', out)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(score, 'score_pair', interrupt)
    assert panmatch(*arguments).status == 130
    monkeypatch.undo()
    result = panmatch(*arguments)
    assert result.status == 0
    assert result.err.count(' ms (kept)') == 4


def test_an_interrupted_run_says_how_it_goes_on(panmatch, dataset, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    match, calls = ClassicalMatcher.match_stereo, []

    def stop_at_the_second(self, left, right):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return match(self, left, right)

    monkeypatch.setattr(ClassicalMatcher, 'match_stereo', stop_at_the_second)
    result = panmatch('evaluate', dataset, '--matcher', 'classical', '--out', out)
    assert result.status == 130
    assert f'what is matched is kept in {out}: the same command goes on from there' in result.err
    for arguments in (('report', out), ('evaluate', out, '--score-only')):
        result = panmatch(*arguments)
        assert result.status == 1
        assert 'the run there has not come to its end: the same `panmatch evaluate' in result.err


def test_pictures_can_be_left_out(panmatch, dataset, tmp_path):
    out = tmp_path / 'out'
    result = panmatch('evaluate', dataset, '--matcher', 'classical', '--out', out, '--pictures', 0)
    assert result.status == 0
    assert list((out / 'pictures').glob('*.jpg')) == []
    assert '<figure' not in (out / 'report.html').read_text()
    for wrong in ('-1', '1.5'):
        assert panmatch('evaluate', dataset, '--pictures', wrong).status == 2


def test_a_folder_that_cannot_be_written_to_is_told_before_the_work(panmatch, dataset, tmp_path,
                                                                    monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: path != tmp_path)
    result = panmatch('evaluate', dataset, '--matcher', 'classical', '--out', tmp_path / 'a' / 'b')
    assert result.status == 1
    assert result.err == (f'panmatch evaluate: error: --out {tmp_path}/a/b: {tmp_path} cannot be '
                          'written to; name another folder\n')


def test_damaged_predictions_are_made_again(panmatch, dataset, tmp_path):
    out = tmp_path / 'out'
    arguments = ('evaluate', dataset / 'c', '--matcher', 'classical', '--out', out, '--overwrite')
    panmatch(*arguments)
    path, = (out / 'predictions').rglob('*.npz')
    path.write_bytes(b'PK')
    result = panmatch(*arguments)
    assert result.status == 0
    assert 'the prediction is damaged' in result.err
    assert 'it is computed again' in result.err
    assert prediction.read_prediction(path) is not None


def test_score_only_needs_no_matcher(panmatch, dataset, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    panmatch('evaluate', dataset, '--matcher', 'classical', '--out', out, '--scale', 2, '--task',
             'stereo')
    first, page = (json.loads((out / 'results.json').read_text()),
                   (out / 'report.html').read_text())
    for name in ('results.json', 'results.csv', 'curves.json', 'report.html'):
        (out / name).unlink()
    monkeypatch.setattr(evaluate, 'make_contenders', None)
    result = panmatch('evaluate', out, '--score-only')
    assert result.status == 0
    assert json.loads((out / 'results.json').read_text()) == first
    assert (out / 'report.html').read_text() == page
    assert str(out / 'report.html') in result.out
    assert 'neither --out nor' in panmatch('evaluate', out, '--score-only', '--out', out).err
    assert 'has no run.json' in panmatch('evaluate', dataset, '--score-only').err
    (dataset / 'c').rename(tmp_path / 'gone')
    gone = panmatch('evaluate', out, '--score-only')
    assert gone.status == 1
    assert '1 of the 3 pairs are not in' in gone.err


def test_score_only_keeps_what_failed(panmatch, dataset, tmp_path):
    (dataset / 'c' / 'right.png').write_text('not an image')
    out = tmp_path / 'out'
    panmatch('evaluate', dataset, '--task', 'stereo', '--out', out)
    result = panmatch('evaluate', out, '--score-only')
    assert result.status == 1
    assert 'right.png' in json.loads((out / 'results.json').read_text())['pairs'][0]['error']


def test_report_is_made_again(panmatch, dataset, tmp_path):
    out = tmp_path / 'out'
    panmatch('evaluate', dataset / 'c', '--out', out)
    page = (out / 'report.html').read_text()
    (out / 'report.html').unlink()
    result = panmatch('report', out)
    assert (result.status, result.out) == (0, f'{out / "report.html"}\n')
    assert (out / 'report.html').read_text() == page
    wrong = panmatch('report', dataset)
    assert wrong.status == 1
    assert 'has no results.json; name the folder that `panmatch evaluate --out`' in wrong.err


def test_nothing_is_left_without_out(panmatch, dataset, tmp_path, monkeypatch):
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    monkeypatch.setattr('tempfile.tempdir', str(temporary))
    before = sorted(dataset.rglob('*'))
    assert panmatch('evaluate', dataset).status == 0
    assert list(temporary.iterdir()) == []
    assert sorted(dataset.rglob('*')) == before
