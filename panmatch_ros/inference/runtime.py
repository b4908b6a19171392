"""From options to what computes the parts of a network."""
from .backends.base import EngineBackend, Network
from .backends.choose import choose_backend, meanwhile
from .engine_cache import EngineCache
from .engine_programs import EnginePrograms
from .programs import Programs
from .runtime_options import RuntimeOptions


def make_programs(network: Network, options: RuntimeOptions, matcher: str,
                  usual: str = 'onnxruntime') -> Programs:
    """
    Make what computes a network.

    :param options: back-end, device, precision, engines.
    :param matcher: name of the matcher, for lists of engines.
    :param usual: back-end that 'auto' is on a machine without a GPU.
    :raises ConfigError: if the options contradict each other, or there is no such device.
    :raises MissingDependencyError: if what the back-end needs is not installed.
    """
    backend = choose_backend(options, usual)
    if not isinstance(backend, EngineBackend):
        return Programs(network, backend)
    return EnginePrograms(network, backend, Programs(network, meanwhile(options)),
                          EngineCache(options.engine_folder), options.allow_engine_build,
                          options.background_build, {'matcher': matcher})
