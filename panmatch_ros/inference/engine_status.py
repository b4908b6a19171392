"""The engines of a matcher: what there is to say of them now, and having them before start."""
from dataclasses import dataclass

from ..core.errors import ConfigError, EngineError
from .auto import AutoMatcher
from .engine_programs import EnginePrograms
from .matcher import Matcher
from .nano import NanoMatcher
from .panmatch import PanMatchMatcher
from .panmatch_network import PartsNetwork
from .runtime_options import ENGINE_BACKENDS


@dataclass(frozen=True)
class EngineStatus:
    """
    What users should know about the engines of a matcher now, and not only when it last matched.

    :param text: as ``Matcher.status``; empty if nothing.
    :param has_failed: whether an engine cannot be used.
    """

    text: str = ''
    has_failed: bool = False


def engine_status(matcher: Matcher | None) -> EngineStatus:
    """Say what is to be known of the engines of a matcher; from any thread."""
    found = [] if matcher is None else engines_of(matcher)
    return EngineStatus('; '.join(filter(None, (programs.status for programs in found))),
                        any(programs.has_failed for programs in found))


def engines_of(matcher: Matcher) -> list[EnginePrograms]:
    """Give what a matcher computes with engines; empty if it has none."""
    if isinstance(matcher, AutoMatcher):
        return [programs for each in matcher.made for programs in engines_of(each)]
    programs = None
    if isinstance(matcher, NanoMatcher):
        programs = matcher.programs
    elif isinstance(matcher, PanMatchMatcher) and isinstance(matcher.network, PartsNetwork):
        programs = matcher.network.programs
    return [programs] if isinstance(programs, EnginePrograms) else []


def obtain_engines(matcher: Matcher, task: str, size: tuple[int, int]) -> list[str]:
    """
    Find or build the engines for a task and a size, and wait for them.

    :param matcher: made with ``background_build`` off.
    :param task: 'flow' or 'stereo'.
    :param size: (height, width) of the images, pixels.
    :returns: a line for each engine: what it is for, whether it was built, how exact it is.
    :raises ConfigError: if the matcher has no engines.
    :raises EngineError: if there is no engine and none can be built, it is refused, or it cannot
        be kept for the next start.
    """
    chosen = matcher.for_task(task) if isinstance(matcher, AutoMatcher) else matcher
    found = engines_of(chosen)
    if not found:
        raise ConfigError(
            f'the matcher {chosen.name} computes {task} with {chosen.backend}, which has no '
            f'engines; choose the matcher nano or panmatch and the backend '
            f'{" or ".join(ENGINE_BACKENDS)}')
    matcher.prepare(task, size)
    lines = []
    for programs in found:
        backend, folder = programs.engine_backend, programs.cache.folder
        for (bundle, (height, width)), engine in programs.engines.items():
            name = f'{backend.name} {backend.precision} {bundle} at {height}x{width}'
            if not engine.kept:
                raise EngineError(f'{name}: the engine was built, but {folder} takes none: see '
                                  'the warning before, and name another engine_cache_dir')
            verdict = f'; parity: {engine.verdict.text}' if engine.verdict else ''
            lines.append(f'{name}: {"built" if engine.built else "found"} in {folder}{verdict}')
    return lines
