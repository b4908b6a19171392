"""The protocol of back-ends: a network gives graphs, a back-end makes programs of them."""
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from ...core.errors import ImageError

if TYPE_CHECKING:
    from torch import Tensor, nn

Arrays = Mapping[str, Any]  # numpy arrays, or what a back-end has instead
MEMORY_ERRORS = ('out of memory', 'OutOfMemory', "can't allocate memory", 'bad_alloc',
                 'Failed to allocate')


class Graph(Protocol):
    """One part of a network for images of one size, in the forms that back-ends take."""

    @property
    def part(self) -> str:
        """Name of the part."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the images, pixels."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what goes in."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what comes out."""

    @property
    def dimensions(self) -> Mapping[str, int]:
        """Lengths of the named dimensions of the ONNX form; empty if it has fixed sizes."""

    @property
    def spatial(self) -> Mapping[str, tuple[int, int]]:
        """(height, width) of the inputs whose size the ONNX form leaves open."""

    def onnx(self) -> bytes:
        """Give the graph as ONNX, operator set 18."""

    def module(self) -> 'nn.Module':
        """Give it as a module: tensors in the order of ``inputs`` to those of ``outputs``."""

    def examples(self) -> 'tuple[Tensor, ...]':
        """Give inputs of the right shapes."""


class Network(Protocol):
    """
    A network in parts that are computed one after another.

    ``bundles`` names the parts that are needed together; a bundle has the name of the one part
    that no other bundle has.
    """

    @property
    def bundles(self) -> Mapping[str, tuple[str, ...]]:
        """Parts of each bundle."""

    @property
    def iterations(self) -> int:
        """Updates of the flow that are part of the graphs; 0 if the graphs themselves tell."""

    def graph(self, part: str, size: tuple[int, int]) -> Graph:
        """Give a part for images of a size."""

    def fingerprint(self) -> tuple[str, str]:
        """Give SHA-256 of what is computed, and of the weights."""

    def try_out(self, programs: 'Runs', bundle: str,
                size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """
        Match the built-in pair.

        :param size: (height, width) that the programs are for, pixels.
        :returns: flow (H, W, 2) in pixels, confidence (H, W); as they come.
        """


class Program(ABC):
    """A graph that is ready to be computed; used by one thread at a time."""

    @abstractmethod
    def run(self, inputs: Arrays) -> dict[str, Any]:
        """
        Compute.

        :param inputs: at least those of the graph: numpy arrays, or results of any program.
        :returns: results by name; :func:`to_numpy` makes arrays of them. They stay as they are
            when the program runs again.
        """


class Runs(Protocol):
    """What computes the parts of a network, see :class:`~..programs.Programs`."""

    def run(self, part: str, size: tuple[int, int], inputs: Arrays) -> dict[str, Any]:
        """Compute a part, see :meth:`Program.run`."""


class Backend(ABC):
    """A library on a device, in a precision."""

    name: ClassVar[str]
    device: str = 'cpu'
    precision: str = 'fp32'

    @abstractmethod
    def load(self, graph: Graph) -> Program:
        """
        Make a graph ready.

        :raises FormatError: if the library cannot use it.
        """


class EngineBackend(Backend):
    """A back-end whose programs take long to build, so that they are kept as engines."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Give the fields of :class:`~..engine_key.EngineKey` that tell device and versions."""

    @abstractmethod
    def build(self, graph: Graph) -> bytes:
        """
        Build an engine.

        :raises EngineError: if the library cannot.
        """

    @abstractmethod
    def open(self, engine: bytes, graph: Graph) -> Program:
        """
        Make an engine ready.

        :param engine: of :meth:`build`, by a back-end of the same description.
        :param graph: for which it was built.
        :raises EngineError: if the library cannot.
        """

    def load(self, graph: Graph) -> Program:
        """Build an engine and make it ready."""
        return self.open(self.build(graph), graph)


def to_numpy(value: Any) -> np.ndarray:
    """Make an array of what any program gives."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, 'detach'):  # a tensor; torch itself need not be imported for the question
        value = value.detach().float().cpu()
    return np.asarray(value.numpy())


def raise_if_memory(error: Exception) -> None:
    """
    Say in one line that there is not enough memory, if that is what an error says.

    :raises ImageError: if so.
    """
    text = first_line(error)
    if isinstance(error, MemoryError) or any(each in text for each in MEMORY_ERRORS):
        raise ImageError(f'not enough memory for the network ({text or "out of memory"}): use '
                         'smaller images, or another device') from error


def first_line(error: Exception) -> str:
    """Give the first line of what an error says."""
    return str(error).strip().partition('\n')[0]
