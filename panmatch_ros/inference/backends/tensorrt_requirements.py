"""What both TensorRT back-ends need and tell: packages, a CUDA device, errors in one line."""
from collections.abc import Iterator
from contextlib import contextmanager, suppress
import ctypes
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
import re
import sys
from typing import Any

from ...core.errors import ConfigError, EngineError, MissingDependencyError, PanMatchError
from ..engine_key import PRECISIONS
from .base import first_line, raise_if_memory

DRIVER_FILES = ('/sys/module/nvidia/version', '/proc/driver/nvidia/version')
OLDEST_TENSORRT = 10      # whose networks have no implicit batch any more
OLDEST_FOR_BF16 = (8, 0)  # compute capability
_VERSION = re.compile(r'\b\d+\.\d+(?:\.\d+)*\b')
INSTALL = {'tensorrt': 'torch torch-tensorrt', 'onnx_tensorrt': 'torch tensorrt'}  # on a PC


def require(backend: str, *packages: str) -> tuple[Any, ...]:
    """
    Import packages that compute on a CUDA device of PyTorch.

    :param backend: that needs them, one of ``INSTALL``.
    :param packages: in the order in which they have to be imported.
    :returns: the modules.
    :raises MissingDependencyError: with all that is missing, and what to install.
    """
    missing = [*_missing_torch(), *(f'{name} is not installed' for name in packages
                                    if not _is_installed(name))]
    modules = {}
    if not missing:
        for name in packages:
            try:
                modules[name] = import_module(name)
            except Exception as error:  # a library that is not found may be an error of any kind
                missing.append(f'{name} cannot be imported ({first_line(error)})')
    if 'tensorrt' in modules:
        missing.extend(_too_old(modules['tensorrt'].__version__))
    if missing:
        raise MissingDependencyError(
            f'the backend {backend} cannot be used: {"; ".join(missing)}. On a PC: `pip install '
            f'{INSTALL[backend]}`; what each Jetson needs is in docs/deployment.md')
    return tuple(modules.values())


def choose_precision(precision: str, automatic: str = 'fp16') -> str:
    """
    Check a precision.

    :param precision: of the options; 'auto' chooses.
    :param automatic: what 'auto' is.
    :raises ConfigError: if there is no such precision, or the device has it not.
    """
    import torch
    if precision == 'auto':
        return automatic
    if precision not in PRECISIONS:
        raise ConfigError(f'precision must be auto or one of {", ".join(PRECISIONS)}, got '
                          f'{precision!r}')
    if precision == 'bf16' and torch.cuda.get_device_capability() < OLDEST_FOR_BF16:
        raise ConfigError('precision bf16: the device '
                          f'{torch.cuda.get_device_name()} has no bfloat16; use fp16')
    return precision


def describe_device() -> dict[str, str]:
    """Give the fields of :class:`~..engine_key.EngineKey` that tell the CUDA device."""
    import torch
    major, minor = torch.cuda.get_device_capability()
    return {'device': torch.cuda.get_device_name(), 'compute_capability': f'{major}.{minor}',
            'driver': driver_version()}


def driver_version() -> str:
    """
    Tell the version of the NVIDIA driver.

    :returns: ``'570.86.10'``, or the CUDA version that the driver has where it has no version of
        its own (``'CUDA 12.6'``); empty if unknown.
    """
    for name in DRIVER_FILES:
        with suppress(OSError):
            found = _VERSION.search(Path(name).read_text(encoding='ascii', errors='replace'))
            if found:
                return found.group()
    version = ctypes.c_int(0)
    with suppress(OSError, AttributeError):
        if ctypes.CDLL('libcuda.so.1').cuDriverGetVersion(ctypes.byref(version)) == 0:
            return f'CUDA {version.value // 1000}.{version.value % 1000 // 10}'
    return ''


@contextmanager
def engine_errors(task: str) -> Iterator[None]:
    """
    Say in one line what a library could not do.

    :param task: that fails, ``'TensorRT cannot build the graph refine'``.
    :raises ImageError: if there is not enough memory.
    :raises EngineError: for any other error that is not of this package.
    """
    try:
        yield
    except PanMatchError:
        raise
    except Exception as error:  # engine libraries raise errors of any kind
        text = first_line(error) or type(error).__name__
        # TensorRT writes it as one word.
        raise_if_memory(MemoryError(text) if 'OutOfMemory' in text else error)
        raise EngineError(f'{task}: {text}') from error


def _is_installed(name: str) -> bool:
    # What is imported may have no specification, and this must not import it.
    return sys.modules.get(name) is not None or find_spec(name) is not None


def _missing_torch() -> list[str]:
    if not _is_installed('torch'):
        return ['PyTorch (torch) is not installed']
    try:
        import torch
    except Exception as error:  # as above
        return [f'PyTorch (torch) cannot be imported ({first_line(error)})']
    if torch.cuda.is_available():
        return []
    reason = '' if torch.version.cuda else ', as it is built without CUDA'
    return [f'PyTorch {torch.__version__} finds no CUDA device{reason}']


def _too_old(version: str) -> list[str]:
    if int(version.partition('.')[0]) >= OLDEST_TENSORRT:
        return []
    return [f'TensorRT {version} is installed, and {OLDEST_TENSORRT} or later is needed']
