"""The benchmark of the network: its reference figures, and a run with the tiny network."""
from concurrent.futures import ThreadPoolExecutor
import json
from pathlib import Path
import sys

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

BENCHMARKS = Path(__file__).resolve().parents[2] / 'benchmarks'
SMALL, LARGE = (480, 640), (720, 1280)


@pytest.fixture(scope='module')
def stages():
    sys.path.insert(0, str(BENCHMARKS))
    import panmatch_stages
    sys.path.remove(str(BENCHMARKS))
    return panmatch_stages


@pytest.fixture(scope='module')
def reference(stages):
    import panmatch_reference
    return panmatch_reference


@pytest.mark.parametrize(('backbone', 'size', 'gflop'), [
    ('s', SMALL, 3939.5), ('b', SMALL, 4571.4), ('l', SMALL, 6701.2), ('g', SMALL, 14195.1),
    ('s', LARGE, 12932.4), ('g', LARGE, 50055.0)])
def test_reference_stages_add_up_to_its_total(reference, backbone, size, gflop):
    assert reference.reference_gflop(backbone, size, 'one pair') == pytest.approx(gflop, rel=5e-5)
    assert reference.reference_gflop(backbone, size, 'pair, both directions') == pytest.approx(
        2 * gflop, rel=5e-5)


def test_what_is_not_known_of_the_reference_is_none(reference):
    assert reference.reference_gflop('b', LARGE, 'ViT') is None
    assert reference.reference_gflop('b', LARGE, 'one pair') is None
    assert reference.reference_gflop('tiny', SMALL, 'decoder') is None
    assert reference.reference_gflop('s', (112, 112), 'decoder') is None
    assert reference.reference_cpu_s('b', SMALL, 'ViT')[0] is None
    assert reference.reference_cpu_s('s', LARGE, 'decoder')[0] is None
    assert reference.reference_cpu_s('s', SMALL, 'compression')[0] is None
    assert reference.reference_cpu_s('s', SMALL, 'one pair')[0] == pytest.approx(93, abs=0.5)


def test_the_plain_network_computes_what_the_reference_does(stages):
    """Features of one view cost exactly the same; the matcher is cheaper by itself."""
    settings = stages.Settings('s', fold=False, precision='fp32', threads=1, repeat=1)
    counts = stages.count_gflop(settings, (560, 672))
    for stage in stages.VIEW:
        wanted = stages_reference(stage)
        assert counts[stage] == pytest.approx(wanted, abs=0.11), stage
    folded = stages.count_gflop(stages.Settings('s', True, 'fp32', 1, 1), (560, 672))
    assert folded['ViT'] == counts['ViT']
    for stage in ('feature pyramid', 'matching heads + adapter', 'context', 'cost encoder'):
        assert folded[stage] < 0.9 * counts[stage], stage


def stages_reference(stage):
    import panmatch_reference
    return panmatch_reference.reference_gflop('s', SMALL, stage)


def test_a_run(stages, monkeypatch, tmp_path, capsys):
    # In this process: a fresh one would first import everything again.
    monkeypatch.setattr(stages, 'ProcessPoolExecutor', lambda count, _: ThreadPoolExecutor(count))
    file = tmp_path / 'numbers.json'
    monkeypatch.setattr(sys, 'argv', [
        'panmatch_stages.py', '--backbone', 'tiny', '--size', '100x112', '--threads', '1',
        '--repeat', '2', '--json', str(file)])
    stages.main()
    text = capsys.readouterr().out
    assert 'panmatch_tiny, folded, fp32; threads: 1' in text
    assert 'load average at the start' in text
    report = json.loads(file.read_text())
    assert (report['torch'], report['repeat']) == (torch.__version__, 2)
    numbers, = report['sizes']
    assert (numbers['size'], numbers['network_size']) == ([100, 112], [112, 112])
    assert tuple(numbers['stages']) == stages.STAGES
    for name, row in (numbers['stages'] | numbers['totals']).items():
        assert name in text
        assert row['gflop'] > 0, name
        assert row['wall_s'] > 0, name
        assert row['peak_gb'] > numbers['weights_gb'], name
    parts = {name: row['gflop'] for name, row in numbers['stages'].items()}
    totals = {name: row['gflop'] for name, row in numbers['totals'].items()}
    view = sum(parts[name] for name in stages.VIEW)
    match = parts['cost encoder'] + parts['decoder']
    assert totals['one pair'] == pytest.approx(
        2 * view + parts['context'] + parts['correlation'] + match)
    assert totals['pair, both directions'] - totals['one pair'] == pytest.approx(
        parts['context'] + match)
    assert totals['one pair'] - totals['further frame'] == pytest.approx(view)
    assert numbers['frame_share']['gflop'] == pytest.approx(
        totals['further frame'] / totals['one pair'])


@pytest.mark.parametrize('size', ['480', '0x640', '480x', '480x640x3', 'x'])
def test_sizes_that_are_none(stages, size, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['panmatch_stages.py', '--size', size])
    with pytest.raises(SystemExit):
        stages.main()
    assert 'expected HEIGHTxWIDTH' in capsys.readouterr().err
