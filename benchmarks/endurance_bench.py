"""The processes of the endurance benchmark, and the memory of the node while they run."""
from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from endurance_camera import Camera, write_scenes
from endurance_listener import Listener, Output

END_S = 5.0      # the node ends within two seconds; more is an error
SAMPLE_S = 1.0   # between two looks at the memory
PATIENCE_S = 30  # for anything that should come soon


class BenchError(Exception):
    """The benchmark could not go on; the text says why."""


@dataclass(frozen=True)
class Memory:
    """
    Memory of the node at a time, MiB.

    :param time_s: monotonic.
    :param resident: all that is in memory.
    :param anonymous: its own part of that: heap and stacks.
    :param shared: its part in segments of the transport.
    """

    time_s: float
    resident: float
    anonymous: float
    shared: float


class NodeProcess:
    """
    The stereo node, as a user starts it.

    :param matcher: its parameter.
    :param folder: for its log; also where it runs, since the folder of the sources would hide
        the installed package.
    """

    def __init__(self, matcher: str, folder: Path) -> None:
        self.log = folder / 'stereo_node.log'
        with self.log.open('w') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'panmatch_ros.nodes.stereo_node', '--ros-args',
                 '-p', f'matcher:={matcher}'],
                cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def memory(self) -> Memory:
        """Read what it has in memory."""
        lines = Path(f'/proc/{self.pid}/status').read_text().splitlines()
        kib = {name: int(value.split()[0]) for name, _, value in
               (line.partition(':') for line in lines) if name in ('VmRSS', 'RssAnon', 'RssShmem')}
        return Memory(time.monotonic(), *(kib[name] / 1024
                                          for name in ('VmRSS', 'RssAnon', 'RssShmem')))

    def end(self) -> int:
        """Send Ctrl-C, and give the exit code."""
        if self.is_alive:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def cpu_s(pid: int) -> float:
    """CPU time of all threads of a process so far, seconds."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Bench:
    """
    Camera, node and listener.

    :param folder: for scenes and logs.
    :param sizes: (height, width) that the camera can have.
    :param matcher: of the node.
    """

    def __init__(self, folder: Path, sizes: list[tuple[int, int]], matcher: str) -> None:
        truths = write_scenes(folder, sizes)
        self.camera = Camera(folder)
        self.listener = Listener(truths)
        self.node = NodeProcess(matcher, folder)
        self.memory: list[Memory] = []

    def start(self, rate_hz: float) -> int:
        """
        Let the camera begin when all have found each other.

        :returns: number of the run.
        """
        self.camera.start()
        graph = self.listener.node
        self._wait(lambda: graph.count_subscribers('left/image_rect') > 0
                   and graph.count_publishers('left/image_rect') > 0 and self.listener.reports > 1,
                   'the node did not subscribe to the images')
        return self.begin(rate_hz=rate_hz)

    def begin(self, **orders: float) -> int:
        """
        Order something of the camera and wait for the first output that comes of it.

        :returns: number of the run.
        """
        run = self.camera.order(**orders)
        self.wait_for(run)
        return run

    def wait_for(self, run: int) -> Output:
        """Give the first output of a run."""
        self._wait(lambda: self.listener.first_of(run), f'no output of run {run} came')
        first = self.listener.first_of(run)
        assert first is not None  # it was waited for
        return first

    def go_on(self, seconds: float) -> None:
        """Let everything run for a time."""
        until = time.monotonic() + seconds
        self.listener.spin_until(lambda: self._look() or time.monotonic() >= until, seconds + 1)

    def settle(self) -> dict[str, int]:
        """Stop the camera, wait until the node has worked on all, and give its counters."""
        self.camera.order(rate_hz=0)
        self.go_on(1)
        reports = self.listener.reports
        # Two reports on, the first of which may have been on its way.
        self._wait(lambda: self.listener.reports > reports + 1
                   and self.listener.report['frames_waiting'] == 0,
                   'the node did not finish what it had received')
        return self.listener.report

    def close(self) -> int:
        """End all, and give the exit code of the node."""
        self.camera.end()
        return self.node.end()

    def _wait(self, condition: Callable[[], object], problem: str) -> None:
        if not self.listener.spin_until(lambda: self._look() or condition(), PATIENCE_S):
            raise BenchError(f'{problem} within {PATIENCE_S} s')

    def _look(self) -> bool:
        """Note the memory when it is time to; False, to go on."""
        if not self.node.is_alive:
            tail = self.node.log.read_text(errors='replace').splitlines()[-12:]
            raise BenchError('\n'.join(['the node ended; its log:', *tail]))
        if not self.memory or time.monotonic() - self.memory[-1].time_s >= SAMPLE_S:
            self.memory.append(self.node.memory())
        return False
