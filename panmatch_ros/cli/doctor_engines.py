"""Checks of what engines need: an NVIDIA GPU, TensorRT, a folder that keeps them."""
from ..core.errors import ConfigError
from ..inference.backends.choose import has_nvidia_device
from ..inference.backends.tensorrt_requirements import INSTALL, OLDEST_TENSORRT
from ..inference.engine_folder import (
    default_folder,
    folder_problem,
    list_engines,
    others_may_write,
)
from .doctor_probe import MISSING, OK, WARNING, Check, check_module, is_installed, probe
from .options import file_size

SLOW_IMPORT_S = 60.0
NO_GPU = 'no NVIDIA GPU'
NOT_NEEDED = 'optional: all matchers work on the CPU'
ONLY_GPU = 'optional: only for engines on an NVIDIA GPU'
TORCH_WITH_CUDA = ('the GPU is not used: install a PyTorch with CUDA, see docs/deployment.md; '
                   'on a Jetson that of its JetPack')

CUDA = """
import torch
assert torch.cuda.is_available(), 'no CUDA device' if torch.version.cuda else 'built without CUDA'
found = torch.cuda.get_device_properties(0)
one = torch.ones(8, device='cuda')
assert float((one + one).sum()) == 16
print(f'{found.name}, compute capability {found.major}.{found.minor}, '
      f'{found.total_memory / 1e9:.1f} GB, CUDA {torch.version.cuda}')
"""
TORCH_TENSORRT = 'import torch_tensorrt; print(torch_tensorrt.__version__)'


def check_cuda() -> Check:
    """Check that PyTorch computes on a CUDA device, if there is one."""
    name, is_there = 'CUDA device', has_nvidia_device()
    if not is_installed('torch'):
        if not is_there:
            return Check(name, MISSING, NO_GPU, NOT_NEEDED)
        return Check(name, WARNING, 'an NVIDIA GPU, but PyTorch is not installed', TORCH_WITH_CUDA)
    works, answer = probe(CUDA, SLOW_IMPORT_S)
    if works:
        return Check(name, OK, answer)
    reason = answer.removeprefix('AssertionError: ')
    if is_there:
        return Check(name, WARNING, f'an NVIDIA GPU that PyTorch cannot use: {reason}',
                     TORCH_WITH_CUDA)
    return Check(name, MISSING, f'{NO_GPU}; PyTorch: {reason}', NOT_NEEDED)


def check_tensorrt() -> Check:
    """Check TensorRT, and that it is new enough."""
    check = check_module('TensorRT', 'tensorrt', 'import tensorrt; print(tensorrt.__version__)',
                         advice_for('onnx_tensorrt'), SLOW_IMPORT_S)
    major = check.detail.partition('.')[0]
    if check.status == OK and major.isdigit() and int(major) < OLDEST_TENSORRT:
        return Check(check.name, WARNING,
                     f'{check.detail}; {OLDEST_TENSORRT} or later is needed',
                     advice_for('onnx_tensorrt'))
    return check


def check_torch_tensorrt() -> Check:
    """Check Torch-TensorRT."""
    return check_module('Torch-TensorRT', 'torch_tensorrt', TORCH_TENSORRT,
                        advice_for('tensorrt'), SLOW_IMPORT_S)


def check_engine_cache() -> Check:
    """Check the folder of the engines: writable, private, all of them whole as far as it shows."""
    name = 'engine cache'
    try:
        folder = default_folder()
    except ConfigError as error:
        return Check(name, WARNING, str(error), '')
    problem = folder_problem(folder)
    if problem:
        return Check(name, WARNING, f'{folder} takes no engines: {problem}',
                     'engines are built anew at each start: set XDG_CACHE_HOME, the parameter '
                     'engine_cache_dir, or --engine-cache')
    if not folder.exists():
        return Check(name, OK, f'{folder}, made when it is needed')
    entries = list_engines(folder)
    detail = (f'{folder}, {len(entries)} {"engine" if len(entries) == 1 else "engines"}, '
              f'{file_size(sum(entry.file_bytes for entry in entries))}')
    unusable = sum(bool(entry.problem) for entry in entries)
    if unusable:
        return Check(name, WARNING, f'{detail}, {unusable} cannot be used',
                     '`panmatch engine verify` says why, `panmatch engine clean` removes them')
    if others_may_write(folder):
        return Check(name, WARNING, f'{detail}; others may write there',
                     f'an engine can run any code: `chmod 700 {folder}`, as its owner')
    return Check(name, OK, detail)


def advice_for(backend: str) -> str:
    """Say what a back-end with engines needs, where there is a GPU for it."""
    if not has_nvidia_device():
        return ONLY_GPU
    return (f'for --backend {backend}, on a PC `pip install {INSTALL[backend]}`; for a Jetson see '
            'docs/deployment.md')


CHECKS = (check_cuda, check_tensorrt, check_torch_tensorrt, check_engine_cache)
