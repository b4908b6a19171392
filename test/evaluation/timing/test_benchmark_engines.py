"""A row of an engine back-end is of the engine, or fails and says why; engines on the CPU."""
from dataclasses import replace

from benchmark_cases import SIZE, images, nano_case
import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from cpu_engine import CpuEngineBackend, shifted, use_instead_of_tensorrt
from tiny_nano import write_graphs

from panmatch_ros.core.errors import EngineError
from panmatch_ros.evaluation.timing.worker import CaseWorker
from panmatch_ros.inference import auto
from panmatch_ros.inference.factory import create_matcher


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_graphs(tmp_path_factory.mktemp('nano'))


@pytest.fixture
def case(folder, tmp_path):
    return nano_case(weights=folder, backend='tensorrt', engine_cache_dir=str(tmp_path / 'cache'),
                     background_build=True)


@pytest.fixture
def backend(monkeypatch):
    return use_instead_of_tensorrt(monkeypatch, CpuEngineBackend())


@pytest.mark.parametrize('changes', [{}, {'stream': True}, {'task': 'stereo'}])
def test_what_is_measured_is_the_engine(case, backend, folder, changes):
    case = replace(case, **changes)
    for origin in ('built', 'found'):
        worker = CaseWorker()
        loaded = worker.load(case, images())
        assert (loaded.name, loaded.backend, loaded.engines) == ('nano', 'cpu_engine', origin)
        assert loaded.prepare_s > 0
        worker.run()
    assert backend.built == [(part, (64, 128)) for part in ('encoder', case.task, 'refine')]
    expected = create_matcher('nano', nano_case(weights=folder, threads=1).options)
    result = expected.match_stereo(*images()).disparity if case.task == 'stereo' \
        else expected.match(*images()).flow
    np.testing.assert_allclose(worker.finish().result, result, atol=1e-3)


def test_an_engine_that_is_refused(case, backend):
    backend.change = shifted
    with pytest.raises(EngineError, match='the engine that was built is refused: mean 1.414 px'):
        CaseWorker().load(case, images())


def test_an_engine_that_cannot_be_built(case, backend):
    backend.fails = EngineError('no converter for aten::what')
    with pytest.raises(EngineError, match='no converter for aten::what'):
        CaseWorker().load(case, images())


def test_an_engine_that_is_lost_while_it_is_measured(case, backend):
    worker = CaseWorker()
    worker.load(case, images())
    worker.run()
    backend.change = shifted
    worker._engines[0]._ready.clear()
    with pytest.raises(EngineError, match='cpu_engine flow at 64x128: onnxruntime computes '
                                          'instead: the engine that was built is refused'):
        worker.run()


def test_an_engine_for_another_size_is_not_the_one(case, backend):
    worker = CaseWorker()
    worker.load(case, images((*SIZE[:1], 200)))
    backend.fails = EngineError('no memory')
    with pytest.raises(EngineError, match='flow at 64x256: onnxruntime computes instead: no mem'):
        worker.run()


def test_auto_is_measured_as_what_it_is(case, backend, monkeypatch):
    options = replace(case.options, nano=replace(case.options.nano, weights='/no/such/folder'))
    case = replace(case, matcher='auto', options=options)
    monkeypatch.setattr(auto, 'AUTO', {'flow': 'nano', 'stereo': 'classical'})
    loaded = CaseWorker().load(replace(case, task='stereo'), images())
    assert (loaded.name, loaded.backend, loaded.engines) == ('classical', 'opencv', '')
    with pytest.raises(EngineError, match='tensorrt is asked for, and the matcher classical '
                                          'computes with opencv'):
        CaseWorker().load(case, images())
