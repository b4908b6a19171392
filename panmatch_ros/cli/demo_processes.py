"""The nodes of the demo as processes: start, wait, Ctrl-C, collect."""
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import importlib.util
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np

from ..core.errors import MissingDependencyError, PanMatchError
from .demo_inputs import DemoInputs

PAIRS_HZ = 4.0
LATER_FRAMES = 5              # of the groups after the first one
FLOW_TOPICS = 'image flow flow/confidence flow/image_color'  # optical_flow holds them once more
MATCH_REMAPPINGS = ('image0:=left/image_rect', 'image1:=right/image_rect',
                    'camera_info0:=left/camera_info', 'camera_info1:=right/camera_info')
NODE_MATCHER = 'auto'
END_S = 5.0                   # a node ends within two seconds; more is an error
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


@dataclass(frozen=True)
class Record:
    """
    What one recorder wrote.

    :param task: 'stereo', 'flow', 'match' or 'perception'.
    :param complete: whether all frames came in time.
    :param arrays: last outputs by topic.
    :param topics: counts, rates (Hz) and latencies (ms) by topic.
    :param report: the node's own counters, from /diagnostics.
    :param exit_codes: of the node and its player after Ctrl-C.
    """

    task: str
    complete: bool
    arrays: Mapping[str, np.ndarray]
    topics: Mapping[str, Mapping[str, float]]
    report: Mapping[str, str]
    exit_codes: Mapping[str, int]


def require_ros() -> None:
    """
    Check that nodes can run here.

    :raises MissingDependencyError: if ROS 2 is not there.
    """
    if importlib.util.find_spec('rclpy') is None:
        raise MissingDependencyError(
            'ROS 2 is not here: run `make demo`, or source your ROS 2 installation first '
            '(`panmatch doctor` says more)')


@dataclass(frozen=True)
class Run:
    """
    A node with its player and its recorder.

    :param task: names the node, and what is recorded.
    :param player: parameters of the player.
    :param topics: to record; empty for all of the task.
    :param remappings: of the node, as ``--ros-args -r`` has them.
    """

    task: str
    player: Mapping[str, Any]
    topics: str = ''
    remappings: tuple[str, ...] = ()


def planned_runs(inputs: DemoInputs) -> tuple[tuple[Run, ...], ...]:
    """Say what runs: the groups one after the other, the nodes of a group at the same time."""
    pair = {'left': str(inputs.left), 'right': str(inputs.right), 'rate_hz': PAIRS_HZ,
            'calibration': str(inputs.calibration), 'scale': inputs.scale}
    sequence = inputs.rig_sequence
    rig = {'left': str(sequence.left), 'right': str(sequence.right), 'rate_hz': PAIRS_HZ,
           'calibration': str(sequence.calibration)}
    return (
        (Run('stereo', pair), Run('flow', {'images': str(inputs.video),
                                           'rate_hz': inputs.video_hz}, FLOW_TOPICS)),
        (Run('match', pair, remappings=MATCH_REMAPPINGS),
         Run('perception', rig, 'left/image_rect flow scene_flow moving')))


def record_nodes(inputs: DemoInputs, out: Path, frames: int, timeout_s: float) -> list[Record]:
    """
    Run the nodes with their players until the recorders have their frames.

    :param out: folder for logs and records.
    :param frames: to record of each output; of the later groups fewer.
    :param timeout_s: after which recorders give up.
    """
    records = []
    for index, group in enumerate(planned_runs(inputs)):
        count = frames if index == 0 else min(frames, LATER_FRAMES)
        records += _record_group(group, out, {'frames': count, 'timeout_seconds': timeout_s})
    return records


def _record_group(group: Sequence[Run], out: Path, recorder: Mapping[str, Any]) -> list[Record]:
    logs = out / 'logs'
    logs.mkdir(exist_ok=True)
    running: dict[str, subprocess.Popen] = {}
    try:
        for run in group:
            (out / run.task / 'record.json').unlink(missing_ok=True)
            for process in _processes(run, out, recorder):
                running[process.name] = _start(process, logs)
        _wait(running, [f'{run.task}_recorder' for run in group],
              recorder['timeout_seconds'] + 30, logs)
    finally:
        codes = _end(running)
    return [_read(out, run.task, codes) for run in group]


def _processes(run: Run, out: Path, recorder: Mapping[str, Any]) -> Iterator['_Process']:
    task = run.task
    namespace = f'/{_namespace()}/{task}'  # runs of one group have topics of the same name
    yield _Process(f'{task}_node', f'{task}_node', namespace, {'matcher': NODE_MATCHER},
                   run.remappings)
    yield _Process(f'{task}_recorder', 'recorder', namespace, {
        **recorder, 'task': task, 'topics': run.topics, 'out': str(out / task)})
    yield _Process(f'{task}_player', 'image_player', namespace, run.player)


@dataclass(frozen=True)
class _Process:
    """A node to start: its name, module, namespace, parameters and remappings."""

    name: str
    module: str
    namespace: str
    parameters: Mapping[str, Any]
    remappings: tuple[str, ...] = ()


def _start(process: _Process, logs: Path) -> subprocess.Popen:
    import yaml
    parameters = logs / f'{process.name}.yaml'
    parameters.write_text(yaml.safe_dump({'/**': {'ros__parameters': dict(process.parameters)}}))
    command = [sys.executable, '-m', f'panmatch_ros.nodes.{process.module}', '--ros-args',
               '--params-file', str(parameters)]
    for remapping in (f'__ns:={process.namespace}', f'__node:={process.name}',
                      *process.remappings):
        command += ['-r', remapping]
    with (logs / f'{process.name}.log').open('w') as log:
        # Started elsewhere: the folder of the sources would hide the installed package.
        return subprocess.Popen(command, cwd=logs, env=_environment(), stdout=log,
                                stderr=subprocess.STDOUT, start_new_session=True)


def _namespace() -> str:
    """Keep apart from a robot, or another demo, on the same network."""
    return f'panmatch_demo_{os.getpid()}'


def _environment() -> dict[str, str]:
    """Give the nodes the Fast DDS profile: without it large messages get lost."""
    env = dict(os.environ, PYTHONUNBUFFERED='1')
    env.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    profile = _profile()
    if profile and not any(env.get(name) for name in PROFILE_VARIABLES):
        env.update(dict.fromkeys(PROFILE_VARIABLES, str(profile)))
    return env


def _profile() -> Path | None:
    """Find the shipped profile in the share folder of an installed package."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(':')
    found = (Path(prefix) / 'share/panmatch_ros/config/fastdds/large_messages.xml'
             for prefix in [*prefixes, sys.prefix] if prefix)
    return next((path for path in found if path.exists()), None)


def _wait(running: dict[str, subprocess.Popen], finishing: Iterable[str], timeout_s: float,
          logs: Path) -> None:
    """Wait until the recorders are done; stop early if another process died."""
    deadline = time.monotonic() + timeout_s
    left = set(finishing)
    while left and time.monotonic() < deadline:
        for name, process in running.items():
            code = process.poll()
            if code is None or (name in finishing and code in (0, 1)):
                continue
            tail = (logs / f'{name}.log').read_text(errors='replace').splitlines()[-12:]
            raise PanMatchError(f'{name} ended with exit code {code}: {" | ".join(tail)}')
        left = {name for name in left if running[name].poll() is None}
        time.sleep(0.1)


def _end(running: dict[str, subprocess.Popen]) -> dict[str, int]:
    """Send Ctrl-C to all, wait, and kill what stays."""
    for process in running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    codes = {}
    deadline = time.monotonic() + END_S
    for name, process in running.items():
        try:
            codes[name] = process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            codes[name] = process.wait()
    return codes


def _read(out: Path, task: str, codes: Mapping[str, int]) -> Record:
    folder = out / task
    try:
        record = json.loads((folder / 'record.json').read_text())
        with np.load(folder / 'outputs.npz', allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError) as error:
        raise PanMatchError(f'the {task} recorder wrote nothing usable ({error}); see the logs '
                            f'in {out / "logs"}') from error
    name = f'{_namespace()}/{task}/{task}_node'
    return Record(task, codes[f'{task}_recorder'] == 0, arrays, record['topics'],
                  record['reports'].get(name, {}),
                  {key: codes[key] for key in (f'{task}_node', f'{task}_player')})
