"""The graphs of a small nano network."""
import pytest


@pytest.fixture(scope='session')
def nano_folder(tmp_path_factory):
    """As `panmatch export` writes it, without the weights; not to be changed."""
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('onnx', reason='onnx is not installed')
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    from tiny_nano import write_graphs
    return write_graphs(tmp_path_factory.mktemp('nano'))
