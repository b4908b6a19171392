"""The nodes of the demo as processes: start, wait, Ctrl-C, collect."""
from collections.abc import Iterable, Mapping
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

STEREO_HZ = 4.0
NODE_MATCHER = 'auto'
END_S = 5.0                   # a node ends within two seconds; more is an error
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


@dataclass(frozen=True)
class Record:
    """
    What one recorder wrote.

    :param task: 'stereo' or 'flow'.
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


def record_nodes(inputs: DemoInputs, out: Path, frames: int, timeout_s: float) -> list[Record]:
    """
    Run both nodes with their players until the recorders have their frames.

    :param out: folder for logs and records.
    :param frames: to record of each output.
    :param timeout_s: after which recorders give up.
    """
    recorder = {'frames': frames, 'timeout_seconds': timeout_s}
    nodes: dict[str, tuple[str, dict[str, Any]]] = {
        'stereo_node': ('stereo_node', {'matcher': NODE_MATCHER}),
        'flow_node': ('flow_node', {'matcher': NODE_MATCHER}),
        'stereo_recorder': ('recorder', {**recorder, 'task': 'stereo',
                                         'out': str(out / 'stereo')}),
        'flow_recorder': ('recorder', {**recorder, 'task': 'flow', 'out': str(out / 'flow')}),
        'stereo_player': ('image_player', {
            'left': str(inputs.left), 'right': str(inputs.right), 'rate_hz': STEREO_HZ,
            'calibration': str(inputs.calibration), 'scale': inputs.scale}),
        'flow_player': ('image_player', {'images': str(inputs.video),
                                         'rate_hz': inputs.video_hz}),
    }
    for task in ('stereo', 'flow'):
        (out / task / 'record.json').unlink(missing_ok=True)
    logs = out / 'logs'
    logs.mkdir(exist_ok=True)
    running: dict[str, subprocess.Popen] = {}
    try:
        for name, (module, values) in nodes.items():
            running[name] = _start(name, module, values, logs)
        _wait(running, ('stereo_recorder', 'flow_recorder'), timeout_s + 30, logs)
    finally:
        codes = _end(running)
    return [_read(out, task, codes) for task in ('stereo', 'flow')]


def _start(name: str, module: str, values: dict[str, Any], logs: Path) -> subprocess.Popen:
    import yaml
    parameters = logs / f'{name}.yaml'
    parameters.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}))
    command = [sys.executable, '-m', f'panmatch_ros.nodes.{module}', '--ros-args',
               '-r', f'__ns:=/{_namespace()}', '-r', f'__node:={name}',
               '--params-file', str(parameters)]
    with (logs / f'{name}.log').open('w') as log:
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
    name = f'{_namespace()}/{task}_node'
    return Record(task, codes[f'{task}_recorder'] == 0, arrays, record['topics'],
                  record['reports'].get(name, {}),
                  {key: codes[key] for key in (f'{task}_node', f'{task}_player')})
