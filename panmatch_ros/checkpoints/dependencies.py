"""Import what weight files need, or say how to install it."""
import importlib
from typing import Any

from ..core.errors import MissingDependencyError


def import_torch() -> Any:
    """
    PyTorch.

    :raises MissingDependencyError: if it is not installed.
    """
    return _required('torch')


def import_safetensors() -> Any:
    """
    Import the module ``safetensors.torch``.

    :raises MissingDependencyError: if it is not installed.
    """
    _required('torch')
    _required('safetensors')
    return _required('safetensors.torch')


def _required(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition('.')[0]:
            raise  # the package is there, and something below it is not
        raise MissingDependencyError(
            f'weight files need the Python package {error.name}, which is not installed: '
            '`pip install torch safetensors`') from error
