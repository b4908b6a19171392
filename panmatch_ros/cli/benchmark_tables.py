"""Tables and JSON of ``panmatch benchmark``."""
from collections.abc import Sequence
import importlib.metadata
import math
import os
from pathlib import Path
import platform
import re
from typing import Any

from ..evaluation.results import finite_or_none
from ..evaluation.timing.case import Cost, Row
from .evaluate_report import align
from .options import versions

HEADER = ('matcher', 'back-end', 'precision', 'median ms', 'p95 ms', 'fps', '/ classical',
          'CPU s', 'peak MB', 'GPU MB', 'load s', 'prepare s', 'mean diff px', 'max diff px')
LABELS = 3  # columns of a row that failed
# What computes, by the names that its distributions have.
ENGINES = {'onnxruntime': ('onnxruntime', 'onnxruntime-gpu', 'onnxruntime-openvino'),
           'openvino': ('openvino',), 'torch': ('torch',),
           'tensorrt': ('tensorrt', 'tensorrt-cu13', 'tensorrt-cu12'),
           'torch_tensorrt': ('torch-tensorrt',)}
NONE = '-'


def describe_group(rows: Sequence[Row]) -> str:
    """
    Write the table of one task and size.

    :param rows: of :func:`~..evaluation.benchmark.measure`, at least one.
    """
    case = rows[0].case
    title = ', GPU: '.join([f'{case.size[0]}x{case.size[1]} {case.task}', *gpus_of(rows)])
    table = align([list(HEADER), *(cells(row) for row in rows)]).splitlines()
    for index, row in enumerate(rows, 1):
        if row.error:  # beside the columns, which it would make wide
            table[index] = f'{table[index]}  failed: {row.error}'
    return '\n'.join([title, *table])


def gpus_of(rows: Sequence[Row]) -> list[str]:
    """Name the GPUs that have computed."""
    devices = [row.finished.device for row in rows if row.finished is not None]
    return [device for device in dict.fromkeys(devices) if device != 'cpu']


def cells(row: Row) -> list[str]:
    """Cells of one row."""
    labels = [label_of(row), backend_of(row), precision_of(row)]
    loaded, finished = row.loaded, row.finished
    if row.error or loaded is None or finished is None:
        return labels
    parity = row.parity
    return [*labels, f'{1e3 * row.median_s:.1f}', f'{1e3 * row.p95_s:.1f}',
            f'{1 / row.median_s:.1f}', cell(row.ratio, 2), f'{row.cpu_s:.3f}',
            cell(finished.peak_mb, 0), cell(finished.gpu_mb, 0), f'{loaded.load_s:.2f}',
            f'{loaded.prepare_s:.2f} {loaded.engines}'.rstrip(),
            NONE if parity is None else f'{parity.mean_px:.2g}',
            NONE if parity is None else f'{parity.max_px:.2g}']


def cell(value: float | None, digits: int) -> str:
    """Write a number that may not be there."""
    return NONE if value is None else f'{value:.{digits}f}'


def label_of(row: Row) -> str:
    """Name a matcher as it was asked for, and what that turned out to be."""
    name = row.case.matcher
    if row.loaded is not None and row.loaded.name != name:
        name = f'{name} ({row.loaded.name})'
    return f'{name} stream' if row.case.stream else name


def backend_of(row: Row) -> str:
    """Back-end that computed, or that was asked for if the case failed."""
    return row.case.backend if row.loaded is None else row.loaded.backend


def precision_of(row: Row) -> str:
    """Precision of the computation, or what was asked for if the case failed."""
    return row.case.precision if row.loaded is None else row.loaded.precision


def results_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Arrange rows for JSON; numbers that do not exist are None."""
    return [result_of(row) for row in rows]


def result_of(row: Row) -> dict[str, Any]:
    """Arrange one row for JSON."""
    case, loaded, finished = row.case, row.loaded, row.finished
    entry = {'task': case.task, 'height': case.size[0], 'width': case.size[1],
             'matcher': case.matcher, 'network': None if loaded is None else loaded.name,
             'backend': backend_of(row), 'precision': precision_of(row), 'stream': case.stream,
             'threads': case.threads or None}
    if row.error or loaded is None or finished is None:
        return {**entry, 'error': row.error}
    parity = row.parity
    return {
        **entry, 'device': finished.device,
        'median_ms': 1e3 * row.median_s, 'p95_ms': 1e3 * row.p95_s,
        'frames_per_second': 1 / row.median_s, 'ratio_to_classical': row.ratio,
        'cpu_s_per_frame': row.cpu_s, 'peak_resident_mb': finished.peak_mb,
        'resident_mb': finished.resident_mb, 'gpu_mb': finished.gpu_mb,
        'load_s': loaded.load_s, 'prepare_s': loaded.prepare_s,
        'engines': loaded.engines or None,
        'is_reference': case.reference() == case,
        'parity': None if parity is None else {
            'mean_px': finite_or_none(parity.mean_px), 'max_px': finite_or_none(parity.max_px),
            'one_sided_percent': parity.one_sided_percent},
        'calls_ms': milliseconds(row.costs), 'calls_cpu_s': [cost.cpu_s for cost in row.costs],
        'warmup_ms': milliseconds(row.warmup)}


def milliseconds(costs: Sequence[Cost]) -> list[float]:
    """Give the times of calls."""
    return [1e3 * cost.wall_s for cost in costs]


def describe_machine() -> dict[str, Any]:
    """Say what the numbers depend on; versions of what is not installed are None."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return {'cpu': cpu_name(), 'cores': os.cpu_count(), 'usable_cores': usable,
            'platform': platform.platform(),
            'load_average': list(os.getloadavg()) if hasattr(os, 'getloadavg') else None,
            'versions': {**versions(), **{name: version_of(names)
                                          for name, names in ENGINES.items()}}}


def machine_line(machine: dict[str, Any]) -> str:
    """Say the same in short."""
    found = [f'{name} {version}' for name, version in machine['versions'].items() if version]
    load = machine['load_average']
    busy = 'unknown' if load is None or not math.isfinite(load[0]) else f'{load[0]:.2f}'
    return (f'{machine["cpu"]}, {machine["usable_cores"]} of {machine["cores"]} cores; load '
            f'average at the start: {busy}\n{", ".join(found)}')


def cpu_name() -> str:
    """Name of the processor."""
    try:
        found = re.search(r'^model name\s*:\s*(.+)$', Path('/proc/cpuinfo').read_text(),
                          re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def version_of(names: Sequence[str]) -> str | None:
    """Version of the first of these distributions that is installed."""
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
