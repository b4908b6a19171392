"""Which back-end computes: the one that is asked for, or the best that can."""
from dataclasses import replace
from importlib.util import find_spec
import logging
import os
from pathlib import Path

from ...core.errors import ConfigError, MissingDependencyError
from ..runtime_options import ENGINE_BACKENDS, RuntimeOptions
from .base import Backend

MOST_THREADS = 4   # more bring little at usual sizes
NVIDIA_FILES = ('/dev/nvidiactl', '/dev/nvhost-gpu', '/dev/nvgpu')  # of desktop and Jetson
ONLY_CPU = ('onnxruntime', 'openvino')

log = logging.getLogger(__name__)


def choose_backend(options: RuntimeOptions, usual: str = 'onnxruntime') -> Backend:
    """
    Make the back-end of the options.

    :param usual: what 'auto' is on a machine without a GPU.
    :raises ConfigError: if the options contradict each other, or there is no such device.
    :raises MissingDependencyError: if what the back-end needs is missing; with
        ``allow_fallback`` this is a warning.
    """
    check_combination(options)
    if options.backend == 'auto':
        return make_automatic(options, usual)
    try:
        return make_backend(options.backend, options)
    except (MissingDependencyError, ConfigError) as error:
        if not options.allow_fallback:
            raise
        backend = make_automatic(replace(options, device='auto', precision='auto'), usual)
        log.warning('%s on the %s computes instead of %s: %s', backend.name, backend.device,
                    options.backend, error)
        return backend


def make_automatic(options: RuntimeOptions, usual: str) -> Backend:
    """
    Make the back-end that 'auto' means.

    PyTorch on a CUDA device if there is one, or if 16 bits are asked for; engines only if they
    are asked for, as they were never tried on a real device. Nothing large is imported to find
    out where there is no driver of NVIDIA.
    """
    if options.device == 'cuda' or options.precision not in ('auto', 'fp32'):
        return make_backend('torch', options)
    if options.device == 'auto' and has_nvidia_device() and find_spec('torch'):
        backend = make_backend('torch', options)
        if backend.device == 'cuda':  # PyTorch may have been built without
            return backend
    return make_backend(usual, options)


def meanwhile(options: RuntimeOptions) -> Backend:
    """Make what computes, in single precision, as long as there is no engine."""
    from .torch_backend import TorchBackend
    return TorchBackend(options.device, 'fp32')


def make_backend(name: str, options: RuntimeOptions) -> Backend:
    """
    Make a back-end.

    :param name: one of ``BACKENDS`` except 'auto'.
    :raises ConfigError: if there is no such device.
    :raises MissingDependencyError: if something is not installed.
    """
    threads = options.threads or default_threads()
    if name == 'onnxruntime':
        from .onnxruntime_backend import OnnxRuntimeBackend
        return OnnxRuntimeBackend(threads)
    if name == 'openvino':
        from .openvino_backend import OpenVinoBackend
        return OpenVinoBackend(threads)
    if name == 'torch':
        from .torch_backend import TorchBackend
        return TorchBackend(options.device, options.precision)
    if name == 'tensorrt':
        from .tensorrt_backend import TorchTensorRtBackend
        return TorchTensorRtBackend(options.precision)
    if name == 'onnx_tensorrt':
        from .onnx_tensorrt_backend import OnnxTensorRtBackend
        return OnnxTensorRtBackend(options.precision)
    raise ConfigError(f'there is no backend {name!r}')


def check_combination(options: RuntimeOptions) -> None:
    """
    Refuse a device or precision that the back-end does not have.

    :raises ConfigError: if so.
    """
    name = options.backend
    if name in ONLY_CPU and options.device == 'cuda':
        raise ConfigError(f'the backend {name} computes on the CPU; for device cuda use the '
                          'backend torch or tensorrt')
    if name in ONLY_CPU and options.precision not in ('auto', 'fp32'):
        raise ConfigError(f'the backend {name} computes in fp32; for precision '
                          f'{options.precision} use the backend torch or tensorrt')
    if name in ENGINE_BACKENDS and options.device == 'cpu':
        raise ConfigError(f'the backend {name} needs a CUDA device, and the device is cpu')


def has_nvidia_device() -> bool:
    """Whether the driver of a CUDA device is there, as far as its files tell."""
    return any(Path(name).exists() for name in NVIDIA_FILES)


def default_threads() -> int:
    """One thread for each core that this process may use, up to four."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return max(1, min(usable or 1, MOST_THREADS))
