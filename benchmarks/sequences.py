#!/usr/bin/env python3
"""
CPU time of one further frame of a sequence, by that of separate calls on the same images.

For each matcher: the flow of a sequence by that of its pairs, and stereo and flow of a rig by the
two calls apart. The ways alternate in one run, so that whatever else the machine does hits all
alike. PanMatch has the weights of the reproducible fill: its time does not hang on them.

    python benchmarks/sequences.py [--size 480x640] [--panmatch-size 224x224] [--frames 5]
"""
import argparse
from collections.abc import Callable
import statistics
import time

import numpy as np

from panmatch_ros.checkpoints.weightfill import fill_model
from panmatch_ros.cli.options import count, size
from panmatch_ros.evaluation.timing.benchmark import benchmark_images
from panmatch_ros.inference.matcher import Matcher
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions
from panmatch_ros.inference.panmatch import PanMatchMatcher
from panmatch_ros.inference.panmatch_torch import TorchNetwork
from panmatch_ros.models.folding import fold_for_inference
from panmatch_ros.models.panmatch import PanMatch
from panmatch_ros.models.presets import preset

SHIFT_PX = 3  # from frame to frame


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--size', type=size, default=(480, 640), metavar='HxW',
                        help='of nano (default 480x640)')
    parser.add_argument('--panmatch-size', type=size, default=(224, 224), metavar='HxW',
                        help='of panmatch_s (default 224x224)')
    parser.add_argument('--frames', type=count, default=5, metavar='N', help='that count')
    args = parser.parse_args()
    model = PanMatch(preset('panmatch_s'))
    fill_model(model)
    network = TorchNetwork(fold_for_inference(model.eval()), 'cpu')
    print('| matcher | size | flow: sequence / pairs | stereo and flow: rig / two calls |')
    print('|---|---|---|---|')
    for matcher, image_size in ((NanoMatcher(NanoOptions()), args.size),
                                (PanMatchMatcher(network), args.panmatch_size)):
        flow, rig = ratios(matcher, frames(image_size, args.frames + 2))
        print(f'| `{matcher.name}` ({matcher.backend}) | {image_size[0]}x{image_size[1]} | '
              f'{flow:.2f} | {rig:.2f} |')


def frames(image_size: tuple[int, int], number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Make pairs of a camera that moves sideways."""
    left, right = benchmark_images('stereo', image_size)
    return [(np.roll(left, SHIFT_PX * index, axis=1), np.roll(right, SHIFT_PX * index, axis=1))
            for index in range(number)]


def ratios(matcher: Matcher, pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """
    Measure a matcher.

    :param pairs: the first two only warm up.
    :returns: median CPU time of a further frame by that of separate calls: flow alone, and
        stereo and flow.
    """
    stream, rig = matcher.stream(), matcher.rig_stream()
    costs: list[tuple[float, float, float, float]] = []
    previous = pairs[0][0]
    for left, right in pairs:
        last = previous
        costs.append((
            cpu_s(lambda: matcher.match(last, left)),  # noqa: B023 - called at once
            cpu_s(lambda: stream.next(left)),  # noqa: B023
            cpu_s(lambda: matcher.match_stereo(left, right)),  # noqa: B023
            cpu_s(lambda: rig.next(left, right))))  # noqa: B023
        previous = left
    flow, further, stereo, both = (statistics.median(column)
                                   for column in zip(*costs[2:], strict=True))
    return further / flow, both / (flow + stereo)


def cpu_s(call: Callable[[], object]) -> float:
    """CPU seconds of all threads during a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == '__main__':
    main()
