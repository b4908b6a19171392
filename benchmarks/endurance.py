#!/usr/bin/env python3
"""
Whether the stereo node endures: minutes of images at the rate of a camera, and disturbances.

Node, camera and listener are three processes on two cores that talk through DDS. The camera
publishes drawn scenes, so the values of the outputs are compared with the truth all the time. At
the end every pair that reached the node must be accounted for. Exit status 1 says that a limit
is broken: memory that grows by more than 2 %, a node that ended, a pair that is not accounted
for, a wrong value, or a disturbance from which the node does not recover within 5 s.

    python benchmarks/endurance.py [--minutes 10] [--disturb] [--json FILE]
"""
import argparse
import json
import os
from pathlib import Path
import sys
import tempfile
import time

if __name__ == '__main__':  # the other processes inherit it
    os.environ['ROS_DOMAIN_ID'] = str(os.getpid() % 100 + 1)
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    for variable in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        os.environ.setdefault(variable, str(
            Path(__file__).resolve().parents[1] / 'config/fastdds/large_messages.xml'))

from endurance_bench import Bench, BenchError, cpu_s
from endurance_phases import disturb
from endurance_report import (
    account,
    broken_limits,
    memory_numbers,
    percentiles,
    steps,
    table,
)
import rclpy

from panmatch_ros.cli.options import count, positive, size, versions


def main() -> int:
    """Measure, and print a table; 1 if a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=positive, default=10.0, help='(default 10)')
    parser.add_argument('--warm-up', type=positive, default=30.0, metavar='S',
                        help='seconds before them, whose memory does not count (default 30)')
    parser.add_argument('--rate', type=positive, default=30.0, metavar='HZ',
                        help='of the camera (default 30)')
    parser.add_argument('--size', type=size, default=(480, 640), metavar='HxW',
                        help='of the images (default 480x640)')
    parser.add_argument('--matcher', default='classical', help='of the node (default classical)')
    parser.add_argument('--cores', type=count, default=2,
                        help='that node, camera and listener share (default 2)')
    parser.add_argument('--disturb', action='store_true',
                        help='then kill the camera, change the size, set the time back, flood')
    parser.add_argument('--watch', type=positive, default=6.0, metavar='S',
                        help='seconds that each of these is watched (default 6)')
    parser.add_argument('--json', type=Path, help='write the numbers to this file too')
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:args.cores])
    rclpy.init()
    try:
        with tempfile.TemporaryDirectory() as folder:
            numbers = measure(args, Path(folder))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    print(f'stereo_node with {args.matcher}, {args.size[0]}x{args.size[1]} (height x width), '
          f'{args.minutes:g} minutes, {args.cores} cores, load average {numbers["load_average"]}')
    print(table(numbers))
    print('\n'.join(f'BROKEN: {text}' for text in numbers['broken_limits'])
          or 'all limits are kept')
    if args.json:
        args.json.write_text(json.dumps(numbers, indent=2))
    return int(bool(numbers['broken_limits']))


def measure(args: argparse.Namespace, folder: Path) -> dict:
    """
    Run everything.

    :param args: as ``main`` reads them.
    :param folder: for files that are not kept.
    :returns: the numbers, and which limits they break.
    :raises BenchError: if the node ends, or nothing comes from it any more.
    """
    height, width = args.size
    bench = Bench(folder, [(height, width), (height // 2, width // 2)], args.matcher)
    try:
        run = bench.start(args.rate)
        bench.go_on(args.warm_up)
        numbers = steady(bench, run, 60 * args.minutes)
        disturbances = list(disturb(bench, args.rate, args.watch)) if args.disturb else []
        counters = bench.settle()
        numbers |= {'disturbances': disturbances, 'account': account(
            bench.camera.control.images, counters,
            {name: len(outputs) for name, outputs in bench.listener.outputs.items()})}
    finally:
        exit_code = bench.close()
    numbers |= {'exit_code': exit_code, 'size': args.size, 'matcher': args.matcher,
                'minutes': args.minutes, 'cores': args.cores, 'versions': versions()}
    return numbers | {'broken_limits': broken_limits(numbers)}


def steady(bench: Bench, run: int, seconds: float) -> dict:
    """Let a run of the camera go on undisturbed, and measure."""
    listener, start_s, images = bench.listener, time.monotonic(), bench.camera.control.images
    processes = {'node': bench.node.pid, 'camera': bench.camera.pid, 'listener': os.getpid()}
    cpu = {name: cpu_s(pid) for name, pid in processes.items()}
    bench.go_on(seconds)
    duration_s = time.monotonic() - start_s
    memory = [sample for sample in bench.memory if sample.time_s >= start_s]
    outputs = [output for output in listener.outputs['disparity'] if output.arrived_s >= start_s]
    times_s = [sample.time_s - start_s for sample in memory]
    return {
        'rate_hz': len(outputs) / duration_s,
        'camera_hz': (bench.camera.control.images - images) / 2 / duration_s,
        'age_ms': {
            'when published': percentiles([age_ms for arrived_s, age_ms in listener.ages_ms
                                           if arrived_s >= start_s]),
            'at the listener': percentiles([output.age_ms for output in outputs])},
        'memory': memory_numbers(times_s, [sample.resident for sample in memory]),
        'memory_anonymous': memory_numbers(times_s, [sample.anonymous for sample in memory]),
        'memory_shared': memory_numbers(times_s, [sample.shared for sample in memory]),
        'memory_steps': steps(times_s, [sample.resident for sample in memory]),
        'cpu': {name: (cpu_s(pid) - cpu[name]) / duration_s for name, pid in processes.items()},
        'error_px': listener.largest_error_px(run),
        'load_average': [round(load, 2) for load in os.getloadavg()]}


if __name__ == '__main__':
    raise SystemExit(main())
