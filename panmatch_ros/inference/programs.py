"""The parts of a network, ready to be computed for the last few sizes of images."""
from collections import OrderedDict
from typing import Any

from .backends.base import Arrays, Backend, Network, Program

KEPT_SIZES = 4  # of images, whose programs are kept


class Programs:
    """
    Programs of one back-end, made when they are first needed.

    :param network: in parts.
    :param backend: what computes them.
    """

    def __init__(self, network: Network, backend: Backend) -> None:
        self.network = network
        self.backend_asked = backend
        self._sizes: OrderedDict[tuple[int, int], dict[str, Program]] = OrderedDict()

    @property
    def backend(self) -> Backend:
        """What computes now."""
        return self.backend_asked

    @property
    def status(self) -> str:
        """What users should know about engines; empty if nothing."""
        return ''

    @property
    def has_failed(self) -> bool:
        """Whether there is an engine that cannot be used."""
        return False

    @property
    def at_hand(self) -> 'Programs':
        """What computes without waiting for, or asking for, an engine."""
        return self

    def prepare(self, bundle: str, size: tuple[int, int]) -> None:
        """
        Do now what the first image of a size would wait for.

        :param bundle: of the network.
        :param size: (height, width) of the images, pixels.
        :raises FormatError: if a graph cannot be used.
        """
        for part in self.network.bundles[bundle]:
            self.load(part, size)

    def load(self, part: str, size: tuple[int, int]) -> Program:
        """
        Give the program of a part for a size.

        :param part: of the network.
        :param size: (height, width) of the images, pixels.
        :raises FormatError: if the graph cannot be used.
        """
        programs = kept_for(self._sizes, size)
        if part not in programs:
            programs[part] = self.backend_asked.load(self.network.graph(part, size))
        return programs[part]

    def run(self, part: str, size: tuple[int, int], inputs: Arrays) -> dict[str, Any]:
        """Compute a part, see :meth:`load` and :meth:`~.backends.base.Program.run`."""
        return self.load(part, size).run(inputs)


class FixedPrograms:
    """
    Programs of one size that are there already.

    :param programs: by part.
    """

    def __init__(self, programs: dict[str, Program]) -> None:
        self._programs = programs

    def run(self, part: str, size: tuple[int, int], inputs: Arrays) -> dict[str, Any]:
        """Compute a part, see :meth:`~.backends.base.Program.run`."""
        return self._programs[part].run(inputs)


def kept_for(sizes: 'OrderedDict[tuple[int, int], dict[str, Program]]',
             size: tuple[int, int]) -> dict[str, Program]:
    """Give the programs of a size, and forget those of the size that was not used for longest."""
    programs = sizes.setdefault(size, {})
    sizes.move_to_end(size)
    while len(sizes) > KEPT_SIZES:
        sizes.popitem(last=False)
    return programs
