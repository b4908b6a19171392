"""Options of whatever computes a network: back-end, device, precision, engines."""
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

from ..core.errors import ConfigError

BACKENDS = ('auto', 'onnxruntime', 'openvino', 'torch', 'tensorrt', 'onnx_tensorrt')
ENGINE_BACKENDS = ('tensorrt', 'onnx_tensorrt')  # those that build engines
DEVICES = ('auto', 'cpu', 'cuda')
PRECISIONS = ('auto', 'fp32', 'fp16', 'bf16')
FITS = ('auto', 'letterbox', 'stretch')
MOST_THREADS = 256
LONGEST_SIDE = 1 << 16
_CHOICES = {'backend': BACKENDS, 'device': DEVICES, 'precision': PRECISIONS, 'fit': FITS}
_TEXTS = ('weights', 'engine_cache_dir')
_BOOLEANS = ('allow_fallback', 'allow_engine_build', 'background_build', 'warm_start')
_PER_CALL = ('fit', 'max_side', 'warm_start')  # need no other programs


@dataclass(frozen=True)
class RuntimeOptions:
    """
    What the options of both networks have in common.

    :param weights: of the network; what it names, the derived class tells.
    :param backend: one of ``BACKENDS``; 'auto' is torch for PanMatch, and for nano ONNX Runtime
        unless there is a CUDA device and torch to use it.
    :param device: 'cpu', 'cuda', or 'auto': a CUDA device if the back-end can use one.
    :param precision: 'fp32', 'fp16', 'bf16', or 'auto': fp32, fp16 for the engines. With the
        two halves the features are computed in 16 bits where that is safe.
    :param threads: that compute in onnxruntime and openvino; 0 takes one for each core that may
        be used, at most four.
    :param allow_fallback: take what 'auto' would, with a warning, if the back-end cannot be used.
    :param engine_cache_dir: folder of the engines; empty is ``panmatch_ros/engines`` in the
        user's cache folder.
    :param allow_engine_build: build engines that are missing.
    :param background_build: compute with another back-end until an engine is ready, instead of
        waiting for it.
    :param fit: how images get the sizes that the network takes: 'letterbox' repeats the right
        and lower edge, 'stretch' resizes, which changes the aspect a little; 'auto' is letterbox
        for nano and stretch, as it was trained, for PanMatch.
    :param max_side: images with a longer side are matched at a smaller size, pixels, and the
        results are brought back; 0 is no limit.
    :param warm_start: streams: start from the flow of the pair before, where it fits.
    :raises ConfigError: if a value cannot work.
    """

    weights: str = ''
    backend: str = 'auto'
    device: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    allow_fallback: bool = False
    engine_cache_dir: str = ''
    allow_engine_build: bool = True
    background_build: bool = False
    fit: str = 'auto'
    max_side: int = 0
    warm_start: bool = False

    def __post_init__(self) -> None:
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f'{name} must be the name of a file or folder, got '
                                  f'{getattr(self, name)!r}')
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(f'{name} must be one of {", ".join(choices)}, got {value!r}')
        require_whole('threads', self.threads, 0, MOST_THREADS)
        require_whole('max_side', self.max_side, 0, LONGEST_SIDE)
        for name in _BOOLEANS:
            require_boolean(name, getattr(self, name))

    def same_runtime(self, other: 'RuntimeOptions') -> bool:
        """Whether what computes for other options can compute for these."""
        return all(getattr(self, name) == getattr(other, name)
                   for name in RuntimeOptions.__dataclass_fields__ if name not in _PER_CALL)

    @property
    def engine_folder(self) -> Path | None:
        """Folder of the engines; None is the usual one."""
        return Path(self.engine_cache_dir) if self.engine_cache_dir else None


def require_whole(name: str, value: object, low: int, high: int) -> None:
    """
    Check a whole number.

    :raises ConfigError: with its name.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) \
            or not low <= int(value) <= high:
        raise ConfigError(f'{name} must be a whole number from {low} to {high}, got {value!r}')


def require_boolean(name: str, value: object) -> None:
    """
    Check a truth value.

    :raises ConfigError: with its name.
    """
    if not isinstance(value, bool):
        raise ConfigError(f'{name} must be True or False, got {value!r}')
