"""What the endurance benchmark makes of its measurements: numbers, broken limits, a table."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MAX_GROWTH_PERCENT = 2.0
MAX_ERROR_PX = 0.5     # median of the disparity of a scene
MAX_RECOVERY_S = 5.0   # from the first image of a changed camera to the first output of it
WAITING_IMAGES = 10    # that may wait for a partner: queue_size of each side
LOSSES = ('dropped', 'rejected', 'skipped')


def account(images: int, counters: Mapping[str, int], outputs: Mapping[str, int]) -> dict:
    """
    Say where the pairs went.

    :param images: that were published, of both sides.
    :param counters: of the node, from /diagnostics.
    :param outputs: that arrived, by topic.
    """
    pairs = {name: counters[f'frames_{name}']
             for name in ('received', 'processed', *LOSSES, 'waiting')}
    return {'images_published': images,
            'images_lost_in_transport': images - counters['images_received'],
            'images_received': counters['images_received'],
            'images_late': counters['frames_late'],
            'images_without_partner': counters['sync_failures'],
            **{f'pairs_{name}': count for name, count in pairs.items()},
            **{f'outputs_{name}': count for name, count in outputs.items()},
            'drops_counted': sum(pairs[name] for name in LOSSES),
            'drops_real': pairs['received'] - pairs['waiting'] - min(outputs.values())}


def account_problems(numbers: Mapping[str, int]) -> list[str]:
    """Say what of an account does not add up."""
    ends = (numbers['pairs_processed'] + numbers['drops_counted'] + numbers['pairs_waiting'])
    known = (2 * numbers['pairs_received'] + numbers['images_late']
             + numbers['images_without_partner'])
    alone = numbers['images_received'] - known
    problems = []
    if numbers['pairs_received'] != ends:
        problems.append(f'{numbers["pairs_received"]} pairs were received, but {ends} processed, '
                        'dropped, rejected, skipped or waiting')
    if numbers['drops_counted'] != numbers['drops_real']:
        problems.append(f'{numbers["drops_counted"]} drops were counted, but '
                        f'{numbers["drops_real"]} of the pairs received have no output')
    if not 0 <= alone <= WAITING_IMAGES:
        problems.append(f'{numbers["images_received"]} images were received, but {known} paired, '
                        'late or without partner')
    if numbers['images_lost_in_transport'] < 0:
        problems.append('more images were received than published')
    if numbers['pairs_processed'] == 0:
        problems.append('nothing was processed')
    return problems


def memory_numbers(times_s: Sequence[float], mib: Sequence[float]) -> dict[str, float]:
    """
    Describe the memory of a process over time.

    :param times_s: of the samples, at least two.
    :param mib: at these times.
    :returns: median of the first and the last tenth, growth in percent, peak, and the slope of a
        straight line.
    """
    tenth = max(1, len(mib) // 10)
    start, end = float(np.median(mib[:tenth])), float(np.median(mib[-tenth:]))
    slope = np.polyfit(np.asarray(times_s) / 60, mib, 1)[0]
    return {'start_mib': start, 'end_mib': end, 'growth_percent': 100 * (end / start - 1),
            'peak_mib': float(max(mib)), 'trend_mib_per_min': float(slope)}


def steps(times_s: Sequence[float], mib: Sequence[float],
          least_mib: float = 0.1) -> list[tuple[float, float]]:
    """
    Keep the samples at which the memory changed, to tell a leak from single steps.

    :param times_s: of the samples.
    :param mib: at these times.
    :param least_mib: what counts as a change.
    :returns: times and values, the first sample included.
    """
    kept: list[tuple[float, float]] = []
    for time_s, value in zip(times_s, mib, strict=True):
        if not kept or abs(value - kept[-1][1]) >= least_mib:
            kept.append((round(time_s, 1), round(value, 2)))
    return kept


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Give median, 95th percentile and largest; empty without values."""
    if not values:
        return {}
    median, p95 = np.percentile(values, (50, 95))
    return {'p50': float(median), 'p95': float(p95), 'max': float(max(values))}


def broken_limits(numbers: Mapping[str, Any]) -> list[str]:
    """
    Say which limits a run broke.

    :param numbers: of the whole run, as they are written to the file.
    """
    broken = account_problems(numbers['account'])
    growth = numbers['memory']['growth_percent']
    if growth > MAX_GROWTH_PERCENT:
        broken.append(f'the memory grew by {growth:.1f} %, more than {MAX_GROWTH_PERCENT:g} %')
    if not numbers['error_px'] <= MAX_ERROR_PX:
        broken.append(f'a disparity was {numbers["error_px"]:.2f} px off')
    if numbers['exit_code'] != 0:
        broken.append(f'the node ended with exit code {numbers["exit_code"]}')
    for phase in numbers['disturbances']:
        if phase['recovery_s'] > MAX_RECOVERY_S:
            broken.append(f'{phase["name"]}: {phase["recovery_s"]:.1f} s until the first output')
        if not phase['error_px'] <= MAX_ERROR_PX:
            broken.append(f'{phase["name"]}: a disparity was {phase["error_px"]:.2f} px off')
    return broken


def table(numbers: Mapping[str, Any]) -> str:
    """Write the numbers for people."""
    pairs, memory, ages = numbers['account'], numbers['memory'], numbers['age_ms']
    rows = [
        ('outputs', f'{numbers["rate_hz"]:.1f} Hz of a camera of {numbers["camera_hz"]:.1f} Hz'),
        *((f'age {where}, ms', ', '.join(f'{name} {value:.0f}' for name, value in age.items()))
          for where, age in ages.items() if age),
        ('memory of the node, MiB', f'{memory["start_mib"]:.1f} to {memory["end_mib"]:.1f} '
         f'({memory["growth_percent"]:+.2f} %), peak {memory["peak_mib"]:.1f}, trend '
         f'{memory["trend_mib_per_min"]:+.3f} a minute'),
        ('CPU, cores', ', '.join(f'{name} {value:.2f}' for name, value in numbers['cpu'].items())),
        ('disparity, median error', f'at most {numbers["error_px"]:.2f} px'),
        ('images published', f'{pairs["images_published"]}, of which '
         f'{pairs["images_lost_in_transport"]} lost in transport, {pairs["images_late"]} late, '
         f'{pairs["images_without_partner"]} without partner'),
        ('pairs received', f'{pairs["pairs_received"]} = ' + ' + '.join(
            f'{pairs[f"pairs_{name}"]} {name}' for name in ('processed', *LOSSES, 'waiting'))),
        ('drops', f'{pairs["drops_counted"]} counted, {pairs["drops_real"]} real')]
    lines = [f'{name:26}{value}' for name, value in rows]
    if numbers['disturbances']:
        lines += ['', f'{"disturbance":34}{"recovery s":>11}{"camera Hz":>11}{"outputs Hz":>12}'
                  f'{"error px":>10}{"memory MiB":>12}']
        lines += [f'{phase["name"]:34}{phase["recovery_s"]:11.2f}{phase["camera_hz"]:11.1f}'
                  f'{phase["rate_hz"]:12.1f}{phase["error_px"]:10.2f}{phase["memory_mib"]:12.1f}'
                  for phase in numbers['disturbances']]
    return '\n'.join(lines)
