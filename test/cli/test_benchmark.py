"""``panmatch benchmark``: tables, JSON, which cases there are, and what is refused."""
from dataclasses import replace
import json
import math

import numpy as np
import pytest

from panmatch_ros.cli import benchmark, benchmark_tables
from panmatch_ros.cli.main import build_parser
from panmatch_ros.evaluation.timing import benchmark as measuring
from panmatch_ros.evaluation.timing.case import Case, Cost, Finished, Loaded, Parity, Row
from panmatch_ros.inference.factory import MatcherOptions
from panmatch_ros.inference.nano_config import NanoOptions

SIZE = (64, 80)
FEW = ('--size', '64x80', '--repeat', 2, '--warmup', 1)


def parsed(*arguments):
    return build_parser().parse_args(['benchmark', *map(str, arguments)])


def cases(*arguments, task='flow'):
    return [(case.matcher, case.backend, case.precision, case.stream)
            for case in benchmark.cases_of(parsed(*arguments), task, SIZE)]


def row(matcher='nano', **changes):
    """Give a row of round numbers."""
    values = {'loaded': Loaded(matcher, 'onnxruntime', 'fp32', 1.25, 0.5),
              'warmup': [Cost(9.0, 9.0)],
              'costs': [Cost(wall, wall / 2) for wall in (0.1, 0.2, 0.3)],
              'finished': Finished('cpu', 150.4, 140.0, None, np.zeros((*SIZE, 2), np.float32)),
              'parity': Parity(0.00125, 0.5, 2.0), 'ratio': 2.0}
    options = MatcherOptions(nano=NanoOptions(backend='onnxruntime', precision='fp32'))
    return Row(Case(matcher, options, 'flow', SIZE), **{**values, **changes})


def test_default_cases():
    assert cases() == [('classical', 'opencv', 'fp32', False),
                       ('nano', 'onnxruntime', 'fp32', False)]


def test_all_combinations_with_the_baseline_first():
    assert cases('--matcher', 'nano', '--matcher', 'nano', '--backend', 'openvino', '--backend',
                 'onnxruntime', '--stream') == [
        ('classical', 'opencv', 'fp32', False), ('classical', 'opencv', 'fp32', True),
        ('nano', 'openvino', 'fp32', False), ('nano', 'openvino', 'fp32', True),
        ('nano', 'onnxruntime', 'fp32', False), ('nano', 'onnxruntime', 'fp32', True)]
    assert cases('--stream', task='stereo') == cases()
    assert cases('--matcher', 'panmatch_s', '--matcher', 'classical', '--weights', 'w',
                 '--precision', 'bf16', '--precision', 'fp32') == [
        ('classical', 'opencv', 'fp32', False), ('panmatch_s', 'torch', 'bf16', False),
        ('panmatch_s', 'torch', 'fp32', False)]
    assert cases('--matcher', 'auto', '--weights', 'w', '--backend', 'openvino')[1:] == [
        ('auto', 'openvino', 'fp32', False)]


def test_engines_are_measured_in_the_precision_that_they_have():
    assert cases('--backend', 'torch', '--backend', 'tensorrt', '--backend', 'onnx_tensorrt')[
        1:] == [('nano', 'torch', 'fp32', False), ('nano', 'tensorrt', 'auto', False),
                ('nano', 'onnx_tensorrt', 'auto', False)]
    assert cases('--backend', 'tensorrt', '--precision', 'fp32', '--precision', 'bf16')[1:] == [
        ('nano', 'tensorrt', 'fp32', False), ('nano', 'tensorrt', 'bf16', False)]


def test_nano_is_in_pytorch_where_onnx_runtime_cannot_be():
    assert cases('--precision', 'fp32', '--precision', 'bf16')[1:] == [
        ('nano', 'onnxruntime', 'fp32', False), ('nano', 'torch', 'bf16', False)]
    assert cases('--device', 'cuda')[1:] == [('nano', 'torch', 'fp32', False)]
    assert cases('--device', 'cpu')[1:] == [('nano', 'onnxruntime', 'fp32', False)]


def test_what_a_backend_does_not_have_is_left_out(capsys):
    arguments = ('--backend', 'onnxruntime', '--backend', 'torch', '--precision', 'fp32',
                 '--precision', 'bf16', '--stream')
    assert cases(*arguments, task='stereo')[1:] == [
        ('nano', 'onnxruntime', 'fp32', False), ('nano', 'torch', 'fp32', False),
        ('nano', 'torch', 'bf16', False)]
    benchmark.check_forms(parsed(*arguments))
    assert capsys.readouterr().err == (
        'panmatch benchmark: left out: the backend onnxruntime computes in fp32; for precision '
        'bf16 use the backend torch or tensorrt\n')
    used = benchmark.options(parsed(*arguments))
    assert (used['backends'], used['precisions']) == (['onnxruntime', 'torch'], ['fp32', 'bf16'])


def test_options_reach_the_matchers():
    args = parsed('--matcher', 'nano', '--matcher', 'panmatch', '--weights', 'w', '--threads', 3,
                  '--max-disparity', 40, '--detail', '--engine-cache', 'cache')
    classical, nano, network = benchmark.cases_of(args, 'flow', SIZE)
    assert {case.threads for case in (classical, nano, network)} == {3}
    assert classical.options.classical.max_disparity == 40
    assert (nano.options.nano.threads, nano.options.nano.detail) == (3, True)
    assert nano.options.nano.engine_cache_dir == 'cache'
    assert not nano.options.nano.allow_fallback
    assert nano.options.nano.weights == ''  # those given are of the other network
    assert network.options.panmatch.weights == 'w'
    alone = list(benchmark.cases_of(parsed('--weights', 'folder'), 'flow', SIZE))
    assert alone[1].options.nano.weights == 'folder'


def test_table_of_known_numbers():
    rows = [row('classical', ratio=1.0, parity=None), row(),
            row(error='no such thing', loaded=None, finished=None)]
    title, header, *lines = benchmark_tables.describe_group(rows).splitlines()
    assert title == '64x80 flow'
    columns = [name.strip() for name in header.split('  ') if name.strip()]
    assert columns == list(benchmark_tables.HEADER)
    assert lines[1].split() == ['nano', 'onnxruntime', 'fp32', '200.0', '290.0', '5.0', '2.00',
                                '0.100', '150', '-', '1.25', '0.50', '0.0013', '0.5']
    assert lines[0].split()[-2:] == ['-', '-']
    assert lines[2].split(maxsplit=3) == ['nano', 'onnxruntime', 'fp32', 'failed: no such thing']
    assert len({len(line) for line in lines[:2]}) == 1


def test_table_names_the_gpu_and_says_where_engines_are_from():
    gpu = replace(row().finished, device='NVIDIA X', gpu_mb=512.4)
    loaded = Loaded('nano', 'tensorrt', 'fp16', 1.25, 62.5, 'built')
    title, _, *lines = benchmark_tables.describe_group(
        [row('classical'), row(finished=gpu, loaded=loaded)]).splitlines()
    assert title == '64x80 flow, GPU: NVIDIA X'
    assert lines[1].split()[:3] == ['nano', 'tensorrt', 'fp16']
    assert lines[1].split()[9:13] == ['512', '1.25', '62.50', 'built']
    entry = benchmark_tables.result_of(row(loaded=loaded))
    assert (entry['prepare_s'], entry['engines']) == (62.5, 'built')
    assert benchmark_tables.result_of(row())['engines'] is None


def test_label_says_what_auto_chose_and_that_it_is_a_stream():
    chosen = row(loaded=Loaded('nano', 'onnxruntime', 'fp32', 1, 1))
    chosen.case = Case('auto', MatcherOptions(), 'flow', SIZE, stream=True)
    assert benchmark_tables.label_of(chosen) == 'auto (nano) stream'


def test_numbers_for_json():
    gpu = Finished('NVIDIA X', 150.0, 140.0, 512.0, None)
    good, bad = benchmark_tables.results_of([
        row(finished=gpu, parity=Parity(math.nan, math.nan, 100.0)),
        row(error='why', loaded=None, finished=None)])
    expected = {
        'task': 'flow', 'height': 64, 'width': 80, 'matcher': 'nano', 'network': 'nano',
        'device': 'NVIDIA X', 'frames_per_second': 5.0, 'ratio_to_classical': 2.0,
        'cpu_s_per_frame': 0.1, 'peak_resident_mb': 150.0, 'gpu_mb': 512.0, 'load_s': 1.25,
        'prepare_s': 0.5, 'is_reference': True, 'warmup_ms': [9000.0],
        'calls_cpu_s': [0.05, 0.1, 0.15],
        'parity': {'mean_px': None, 'max_px': None, 'one_sided_percent': 100.0}}
    assert {name: good[name] for name in expected} == expected
    assert good['median_ms'] == pytest.approx(200)
    assert good['p95_ms'] == pytest.approx(290)
    assert good['calls_ms'] == pytest.approx([100, 200, 300])
    assert bad['error'] == 'why'
    assert 'median_ms' not in bad
    json.dumps([good, bad], allow_nan=False)


def test_a_run_prints_tables_and_writes_all_numbers(panmatch, tmp_path):
    path = tmp_path / 'new' / 'bench.json'
    result = panmatch('benchmark', '--matcher', 'classical', *FEW, '--task', 'flow', '--stream',
                      '--json', path)
    assert result.status == 0, result.err
    assert '64x80 flow: 2 cases, 1 + 2 calls of each' in result.err
    lines = result.out.splitlines()
    assert 'load average at the start' in lines[0]
    assert f'numpy {np.__version__}' in lines[1]
    assert lines[3] == '64x80 flow'
    assert lines[5].split()[:3] == ['classical', 'opencv', 'fp32']
    assert lines[6].split()[:4] == ['classical', 'stream', 'opencv', 'fp32']
    results = json.loads(path.read_text())
    assert {'cpu', 'cores', 'usable_cores', 'load_average'} <= set(results['machine'])
    assert {'numpy', 'opencv', 'onnxruntime', 'openvino', 'torch'} <= set(
        results['machine']['versions'])
    assert results['options']['sizes'] == [[64, 80]]
    assert results['options']['repeat'] == 2
    pair, stream = results['rows']
    assert (pair['stream'], stream['stream']) == (False, True)
    assert pair['ratio_to_classical'] == 1
    assert (len(pair['calls_ms']), len(pair['warmup_ms'])) == (2, 1)
    assert pair['median_ms'] == pytest.approx(np.median(pair['calls_ms']))
    assert pair['parity'] is None
    assert stream['parity']['max_px'] == 0
    assert stream['ratio_to_classical'] == pytest.approx(stream['median_ms'] / pair['median_ms'])


def test_a_case_that_fails_is_a_row_and_the_status(panmatch, tmp_path):
    result = panmatch('benchmark', *FEW, '--task', 'stereo', '--weights', tmp_path / 'none',
                      '--json', tmp_path / 'b.json')
    assert result.status == 1
    good, bad = json.loads((tmp_path / 'b.json').read_text())['rows']
    assert 'median_ms' in good
    assert 'none' in bad['error']
    assert f'failed: {bad["error"]}' in result.out


def test_an_interrupt(panmatch, monkeypatch, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(measuring, 'measure', interrupted)
    monkeypatch.setattr(measuring, 'benchmark_images', lambda *_: None)
    result = panmatch('benchmark', *FEW, '--json', tmp_path / 'b.json')
    assert result.status == 130
    assert not (tmp_path / 'b.json').exists()


@pytest.mark.parametrize(('arguments', 'text'), [
    (['--tiles', 'always'], '--tiles is for the PanMatch network, and the matchers are '
                            'classical, nano'),
    (['--matcher', 'classical', '--backend', 'auto', '--backend', 'onnxruntime'],
     '--backend is for the networks, and the matcher is classical'),
    (['--matcher', 'classical', '--precision', 'bf16'], '--precision is for the networks'),
    (['--backend', 'openvino', '--precision', 'bf16'],
     'the backend openvino computes in fp32; for precision bf16 use'),
    (['--backend', 'openvino', '--device', 'cuda'], 'the backend openvino computes on the CPU'),
    (['--backend', 'tensorrt', '--device', 'cpu'], 'the backend tensorrt needs a CUDA device'),
    (['--matcher', 'classical', '--weights', 'w'], '--weights is for the networks'),
    (['--matcher', 'classical', '--detail'], '--detail is for the nano network'),
    (['--stream', '--task', 'stereo'], '--stream is for flow'),
    (['--size', '64x80', '--size', '16x80'], '--size must be at least 32x32 pixels, got 16x80'),
    (['--max-disparity', '-4'], 'max_disparity must be larger than min_disparity'),
])
def test_what_no_case_would_use_is_refused(panmatch, arguments, text):
    result = panmatch('benchmark', *arguments)
    assert result.status == 1
    assert text in result.err
    assert len(result.err.splitlines()) == 1
    assert result.out == ''


def test_a_file_is_not_replaced_unasked(panmatch, tmp_path, monkeypatch):
    path = tmp_path / 'b.json'
    path.write_text('old')
    assert 'exists; name another file, or add --overwrite' in panmatch(
        'benchmark', '--json', path).err
    assert 'is a folder' in panmatch('benchmark', '--json', tmp_path).err
    assert path.read_text() == 'old'
    monkeypatch.setattr(measuring, 'measure', lambda *_: [row()])
    monkeypatch.setattr(measuring, 'benchmark_images', lambda *_: None)
    result = panmatch('benchmark', *FEW, '--task', 'flow', '--json', path, '--overwrite')
    assert result.status == 0
    assert json.loads(path.read_text())['rows'][0]['matcher'] == 'nano'


@pytest.mark.parametrize('arguments', [
    ['--repeat', '0'], ['--size', '64'], ['--matcher', 'none'], ['--backend', 'x'],
    ['--task', 'depth'], ['--precision', 'int8'], ['--allow-fallback']])
def test_wrong_command_line(panmatch, arguments):
    assert panmatch('benchmark', *arguments).status == 2


def test_a_busy_machine_is_told(panmatch, monkeypatch):
    monkeypatch.setattr(measuring, 'measure', lambda *_: [row()])
    monkeypatch.setattr(measuring, 'benchmark_images', lambda *_: None)
    for load, told in ((0.1, False), (3.0, True)):
        monkeypatch.setattr(benchmark_tables.os, 'getloadavg', lambda load=load: (load, 0, 0),
                            raising=False)
        monkeypatch.setattr(benchmark_tables.os, 'sched_getaffinity', lambda _: {0, 1},
                            raising=False)
        result = panmatch('benchmark', *FEW)
        assert ('other programs are running' in result.err) == told
        assert f'load average at the start: {load:.2f}' in result.out


def test_versions_of_what_is_not_installed():
    assert benchmark_tables.version_of(['no-such-package']) is None
    assert benchmark_tables.version_of(['no-such-package', 'numpy']) == np.__version__
    assert benchmark_tables.cpu_name()


def test_the_machine_in_short_without_a_load_average():
    machine = {'cpu': 'X', 'cores': 4, 'usable_cores': 2, 'load_average': None,
               'versions': {'numpy': '2', 'torch': None}}
    assert benchmark_tables.machine_line(machine) == (
        'X, 2 of 4 cores; load average at the start: unknown\nnumpy 2')
