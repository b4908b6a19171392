"""
Programs that are engines: kept in files, built where they are missing, tried before use.

While an engine is missing another back-end computes, so that nobody waits.
"""
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
import logging
import threading
import time
from typing import Any

from ..core.errors import EngineError, PanMatchError
from ..core.types import Displacement
from .backends.base import Backend, EngineBackend, Network, Program, first_line
from .engine_bundle import pack, unpack
from .engine_cache import Engine, EngineCache, Verdict
from .engine_key import EngineKey
from .parity_gate import ParityVerdict, bounds_of, compare
from .programs import FixedPrograms, Programs, kept_for

log = logging.getLogger(__name__)

Wanted = tuple[str, tuple[int, int]]  # a bundle, and the (height, width) of images
THREAD = 'panmatch engine'  # start of the names of threads that build


@dataclass(frozen=True)
class Obtained:
    """
    What became of an engine that is in use.

    :param built: it was built now, and not found.
    :param kept: it is in the cache.
    :param verdict: of the trial.
    :param seconds: until it could be used.
    """

    built: bool
    kept: bool
    verdict: Verdict | None
    seconds: float


class EnginePrograms(Programs):
    """
    Programs of an engine back-end, and of another one as long as an engine is missing.

    An engine is asked for when the part of its bundle's name is first needed for a size. One
    that fails is not tried again; the other back-end goes on, and it is said why.

    :param network: in parts.
    :param backend: what builds engines and computes with them.
    :param meanwhile: what computes without them, in single precision; also tells what is right.
    :param cache: where engines are kept.
    :param allow_build: build engines that are missing.
    :param background: build in a thread of its own, and compute meanwhile.
    :param notes: kept with an engine; ``matcher`` is shown in lists.
    """

    def __init__(self, network: Network, backend: EngineBackend, meanwhile: Programs,
                 cache: EngineCache, allow_build: bool = True, background: bool = False,
                 notes: Mapping[str, str] | None = None) -> None:
        super().__init__(network, backend)
        self.engine_backend = backend
        self.meanwhile, self.cache = meanwhile, cache
        self.allow_build, self.background = allow_build, background
        self.notes = dict(notes or {})
        self.engines: dict[Wanted, Obtained] = {}
        self.prepared: list[Wanted] = []  # by calls that waited for them, in that order
        self.errors: dict[Wanted, str] = {}
        self._at_work: dict[Wanted, float] = {}  # since when, monotonic clock
        self._ready: OrderedDict[tuple[int, int], dict[str, Program]] = OrderedDict()
        self._now: Backend = meanwhile.backend
        self._one = threading.Lock()      # one engine is built at a time
        self._lists = threading.Lock()    # of what is above

    @property
    def backend(self) -> Backend:
        """What computed last, or will after :meth:`prepare`."""
        return self._now

    @property
    def status(self) -> str:
        """Say which engines are being built, and which cannot be used and why."""
        name, now = self.engine_backend.name, time.monotonic()
        with self._lists:
            meanwhile = f'; {self.meanwhile.backend.name} computes meanwhile'
            building = [f'{name} {_text(wanted)}: the engine is being made since '
                        f'{now - since:.0f} s{meanwhile if self.background else ""}'
                        for wanted, since in self._at_work.items()]
            failed = [f'{name} {_text(wanted)}: {self.meanwhile.backend.name} computes instead: '
                      f'{error}' for wanted, error in self.errors.items()]
        return '; '.join(building + failed)

    @property
    def has_failed(self) -> bool:
        """Whether there is an engine that cannot be used."""
        return bool(self.errors)

    @property
    def at_hand(self) -> Programs:
        """What computes without waiting for, or asking for, an engine."""
        return self.meanwhile

    def prepare(self, bundle: str, size: tuple[int, int]) -> None:
        """
        Find or build an engine now, unless that happens in the background.

        :raises EngineError: if there is none and none can be built, or it is refused.
        """
        wanted = bundle, size
        self._ask(wanted, is_told=not self.background)
        if self.background:
            self.meanwhile.prepare(bundle, size)
            return
        if wanted in self.errors:
            raise EngineError(self.errors[wanted])
        self.prepared.append(wanted)
        self._now = self.engine_backend

    def load(self, part: str, size: tuple[int, int]) -> Program:
        """
        Give the engine of a part for a size, or what computes instead.

        :raises FormatError: if the graph cannot be used.
        """
        if part in self.network.bundles:
            self._ask((part, size))
        with self._lists:
            program = kept_for(self._ready, size).get(part)
        self._now = self.engine_backend if program else self.meanwhile.backend
        return program or self.meanwhile.load(part, size)

    def _ask(self, wanted: Wanted, is_told: bool = False) -> None:
        """
        Have an engine, or begin to.

        :param is_told: the caller is told by an error why there is none.
        """
        bundle, size = wanted
        with self._lists:
            there = self._ready.get(size, {})
            if wanted in self._at_work or wanted in self.errors \
                    or all(part in there for part in self.network.bundles[bundle]):
                return
            self._at_work[wanted] = time.monotonic()
        if not self.background:
            self._obtain(wanted, is_told)
            return
        threading.Thread(target=self._obtain, args=(wanted,), daemon=True,
                         name=f'{THREAD} {_text(wanted)}').start()

    def _obtain(self, wanted: Wanted, is_told: bool = False) -> None:
        """Find or build an engine, and put it in place; nothing that goes wrong gets out."""
        name = self.engine_backend.name
        try:
            with self._one:
                engine, programs = self._find_or_build(wanted)
        except Exception as error:  # engine libraries raise errors of any kind
            text = first_line(error) or type(error).__name__
            is_known = isinstance(error, PanMatchError)
            log.log(logging.DEBUG if is_told and is_known else logging.ERROR,
                    '%s: no engine for %s, %s computes instead: %s', name, _text(wanted),
                    self.meanwhile.backend.name, text, exc_info=None if is_known else error)
            with self._lists:
                self.errors[wanted] = text
                self._at_work.pop(wanted, None)
            return
        with self._lists:
            seconds = time.monotonic() - self._at_work.pop(wanted)
            self.engines[wanted] = Obtained(engine.built, engine.kept, engine.verdict, seconds)
            kept_for(self._ready, wanted[1]).update(programs)
        log.info('%s: the engine for %s is %s after %.1f s; parity: %s', name, _text(wanted),
                 'built' if engine.built else 'loaded', seconds,
                 engine.verdict.text if engine.verdict else '-')

    def _find_or_build(self, wanted: Wanted) -> tuple[Engine, dict[str, Program]]:
        key, opened = self.key(*wanted), {}

        def accept(data: bytes) -> Verdict:
            programs, verdict = self._try(wanted, data)
            opened['programs'] = programs
            return verdict

        if self.allow_build:
            engine = self.cache.get_or_build(key, lambda: self._build(wanted), accept, self.notes)
            return engine, opened['programs']
        data = self.cache.load(key)
        if data is None:
            raise EngineError(f'there is none in {self.cache.folder} for this network, size, '
                              'device and these versions, and allow_engine_build is off; make it '
                              'with `panmatch engine build`')
        verdict = accept(data)
        if not verdict.accepted:
            raise EngineError(f'the engine that was found is refused: {verdict.text}')
        return Engine(data, built=False, kept=True, verdict=verdict), opened['programs']

    def key(self, bundle: str, size: tuple[int, int]) -> EngineKey:
        """Give the key under which the engine is kept."""
        about: dict[str, Any] = dict(self.engine_backend.describe())
        settings = ' '.join(filter(None, ('+'.join(self.network.bundles[bundle]),
                                          about.pop('settings', ''))))
        graph, weights = self.network.fingerprint()
        return EngineKey(graph_sha256=graph, weights_sha256=weights, size=size,
                         precision=self.engine_backend.precision,
                         backend=self.engine_backend.name, iterations=self.network.iterations,
                         settings=settings, **about)

    def _build(self, wanted: Wanted) -> bytes:
        bundle, size = wanted
        log.info('%s: building the engine for %s, which may take minutes',
                 self.engine_backend.name, _text(wanted))
        # What is right is computed first: it costs least, and may be what cannot be done.
        flow, confidence = self.network.try_out(self.meanwhile, bundle, size)
        parts = {part: self.engine_backend.build(self.network.graph(part, size))
                 for part in self.network.bundles[bundle]}
        return pack(parts, flow, confidence)

    def _try(self, wanted: Wanted, data: bytes) -> tuple[dict[str, Program], ParityVerdict]:
        bundle, size = wanted
        parts, flow, confidence = unpack(data, self.network.bundles[bundle])
        programs = {part: self.engine_backend.open(engine, self.network.graph(part, size))
                    for part, engine in parts.items()}
        found = self.network.try_out(FixedPrograms(programs), bundle, size)
        return programs, compare(*found, Displacement(flow, confidence),
                                 bounds_of(self.engine_backend.precision))


def engines_at_work() -> bool:
    """Whether a thread of this process finds or builds an engine, for whomever."""
    return any(thread.name.startswith(THREAD) for thread in threading.enumerate())


def _text(wanted: Wanted) -> str:
    bundle, (height, width) = wanted
    return f'{bundle} at {height}x{width}'
