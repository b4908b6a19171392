#!/usr/bin/env python3
"""
Cost of the PanMatch network on a CPU, stage by stage, next to the reference code.

Each size runs in a fresh process, so that its peak memory is its own. Stages are measured on one
image; "one pair" and the rows below it are measured as a whole, through the class that the nodes
and commands use. GFLOP count convolutions and matrix products (2 for each multiply-add).
CPU-seconds are those of all threads of the process: threads that wait for each other spin, so
measure on a machine that does nothing else. Weights are random, which changes no cost.

    python benchmarks/panmatch_stages.py [--backbone s|b|l|g] [--size HxW ...] [--json FILE]
"""
import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
import ctypes
from dataclasses import asdict, dataclass
from functools import partial
import json
import multiprocessing
import os
from pathlib import Path
import re
import statistics
import sys
import time
from typing import Any

import numpy as np
from panmatch_reference import LARGE, SMALL, VIEW
from panmatch_table import print_header, print_table
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from panmatch_ros.checkpoints.weightfill import fill_model
from panmatch_ros.inference.panmatch_torch import TorchNetwork
from panmatch_ros.inference.transform import StretchTransform
from panmatch_ros.models.folding import fold_for_inference
from panmatch_ros.models.layers import single_precision
from panmatch_ros.models.panmatch import PanMatch
from panmatch_ros.models.presets import preset

WARM_UP = (112, 112)
# What the rows that are measured as a whole consist of: how many views, contexts, correlations
# and matches. Reference: it has no other way than a pair, and runs it twice for two directions.
TOTALS = {
    'one pair': (2, 1, 1, 1),
    'pair, both directions': (2, 2, 1, 2),
    'further frame': (1, 1, 1, 1),
    'further frame, both directions': (1, 1, 1, 2),
}
CONTEXT, CORRELATION, MATCH = 'context', 'correlation', ('cost encoder', 'decoder')
STAGES = (*VIEW, CONTEXT, CORRELATION, *MATCH)
Measure = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    backbone: str
    fold: bool
    precision: str
    threads: int
    repeat: int


class Meter:
    """
    Measures pieces of work.

    :param repeat: how often each is done; the median counts.
    """

    def __init__(self, repeat: int) -> None:
        self.repeat = repeat
        self.costs: dict[str, dict[str, float]] = {}

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        """Do it and note CPU and wall seconds, and the peak memory."""
        times = []
        reset_peak()
        for _ in range(self.repeat):
            result = None  # the one of the last time goes before memory for the next is needed
            cpu, wall = time.process_time(), time.perf_counter()
            result = work()
            times.append((time.process_time() - cpu, time.perf_counter() - wall))
        cpu_s, wall_s = (statistics.median(values) for values in zip(*times, strict=True))
        self.costs[name] = {'cpu_s': cpu_s, 'wall_s': wall_s, 'peak_gb': memory_gb('VmHWM')}
        return result


def reset_peak() -> bool:
    """Let the peak memory start anew, where the kernel can do that."""
    with suppress(AttributeError):  # another C library than that of GNU
        ctypes.CDLL(None).malloc_trim(0)  # what was freed shall not count
    try:
        Path('/proc/self/clear_refs').write_text('5')
    except OSError:
        return False
    return True


def memory_gb(field: str) -> float:
    """Read a field of the process's status: VmRSS (now) or VmHWM (peak)."""
    found = re.search(rf'^{field}:\s*(\d+) kB', Path('/proc/self/status').read_text(), re.M)
    return int(found[1]) * 1024 / 1e9 if found else float('nan')


def make_network(settings: Settings, device: str) -> PanMatch:
    """Make the network; on the device meta it has no weights and costs nothing."""
    with torch.device('meta'):
        network = PanMatch(preset(f'panmatch_{settings.backbone}'))
    network.eval().requires_grad_(False)
    if device != 'meta':
        network.to_empty(device=device)
        fill(network)
    return fold_for_inference(network) if settings.fold else network


def fill(network: PanMatch) -> None:
    """Fill in random weights; all backbone blocks get those of the first, which saves a minute."""
    first, *others = network.backbone.blocks
    network.backbone.blocks = nn.ModuleList([first])
    fill_model(network)
    for block in others:
        block.load_state_dict(first.state_dict())
    network.backbone.blocks = nn.ModuleList([first, *others])


def run_stages(network: PanMatch, image: Tensor, measure: Measure, precision: str) -> None:
    """Run each stage once; as ``PanMatch.encode``, ``context_of``, ``correlate`` and ``match``."""
    with computing(image, precision):
        fmap, context = run_view(network, image, measure)
    with computing(image):
        other = fmap.flip(3)  # what is compared changes no cost
        volume = measure(CORRELATION, lambda: network.correlate(fmap, other))
        memory = measure('cost encoder', lambda: network.cost_encoder(volume, context))
        measure('decoder', lambda: network.decoder(volume, memory, context))


def run_view(network: PanMatch, image: Tensor, measure: Measure) -> tuple[Tensor, Tensor]:
    """Run the stages of one image; give its matching features and its context."""
    image = image.contiguous(memory_format=torch.channels_last)
    tokens = measure('ViT', lambda: network.backbone(image))
    guides = measure('guide net', lambda: network.guide_net(image))
    with single_precision(image):
        low = measure('compression', lambda: [compress(x.float()) for compress, x in
                                              zip(network.compression, tokens, strict=True)])
        parts = list(zip(network.guided_upsampling, low, guides, strict=True))
        maps = measure('guided upsampling', lambda: [
            upsample(x, guide.float()) for upsample, x, guide in parts])
    pyramid = measure('feature pyramid', lambda: network.feature_pyramid(maps))
    fmap = measure('matching heads + adapter', lambda: network.embed(network.matching, pyramid))
    return fmap, measure(CONTEXT, lambda: network.embed(network.context, pyramid))


@contextmanager
def computing(image: Tensor, precision: str = 'fp32') -> Iterator[None]:
    """Compute as ``TorchNetwork`` does."""
    mode = torch.no_grad() if image.is_meta else torch.inference_mode()
    with mode, torch.autocast('cpu', torch.bfloat16, enabled=precision == 'bf16'):
        yield


def count_gflop(settings: Settings, size: tuple[int, int]) -> dict[str, float]:
    """Count the arithmetic of each stage on a network without weights."""
    counts = {}

    def count(name: str, work: Callable[[], Any]) -> Any:
        with FlopCounterMode(display=False) as counter:
            result = work()
        counts[name] = counter.get_total_flops() / 1e9
        return result

    network = make_network(settings, 'meta')
    run_stages(network, torch.empty(1, 3, *size, device='meta'), count, 'fp32')
    return counts


def make_image(size: tuple[int, int], seed: int) -> np.ndarray:
    """Make an image in the form that the network takes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    return StretchTransform(size).forward(pixels)


def run_totals(network: TorchNetwork, images: tuple[np.ndarray, np.ndarray],
               measure: Measure) -> None:
    """Measure what users run, as a whole."""
    def pair(both: bool) -> Any:
        return network.match(*network.encode_pair(*images, both_contexts=both), both=both)

    def frame(both: bool) -> Any:
        return network.match(last, network.encode(images[1]), both=both)

    last = network.encode(images[0])
    for name, work in (('one pair', partial(pair, False)),
                       ('pair, both directions', partial(pair, True)),
                       ('further frame', partial(frame, False)),
                       ('further frame, both directions', partial(frame, True))):
        fields = measure(name, work)
        if not all(np.isfinite(field.flow).all() for field in fields):
            raise RuntimeError(f'{name}: the flow is not finite, so its time tells nothing')


def measure_size(settings: Settings, size: tuple[int, int]) -> dict[str, Any]:
    """Measure everything at one size; in a process of its own."""
    torch.set_num_threads(settings.threads)
    image0, image1 = make_image(size, 0), make_image(size, 1)
    gflop = count_gflop(settings, image0.shape[1:])
    empty_gb = memory_gb('VmRSS')
    network = make_network(settings, 'cpu')
    held = {tensor.data_ptr(): tensor.nbytes
            for tensor in (*network.parameters(), *network.buffers())}
    weights_gb = sum(held.values()) / 1e9
    runner = TorchNetwork(network, 'cpu', settings.precision)
    small = make_image(WARM_UP, 0), make_image(WARM_UP, 1)
    run_totals(runner, small, lambda _, work: work())  # loads what is loaded at the first use
    meter = Meter(settings.repeat)
    run_totals(runner, (image0, image1), meter)
    run_stages(network, torch.from_numpy(image0)[None], meter, settings.precision)
    for name, parts in TOTALS.items():
        gflop[name] = total(gflop, parts)
    rows = {name: {**cost, 'gflop': gflop[name]} for name, cost in meter.costs.items()}
    return {
        'size': list(size), 'network_size': list(image0.shape[1:]),
        'stages': {name: rows[name] for name in STAGES},
        'totals': {name: rows[name] for name in TOTALS},
        'frame_share': {key: rows['further frame'][key] / rows['one pair'][key]
                        for key in ('cpu_s', 'wall_s', 'gflop')},
        'weights_gb': weights_gb, 'process_without_weights_gb': empty_gb,
        'peaks_apart': reset_peak(),
    }


def total(values: dict[str, float], parts: tuple[int, int, int, int]) -> float:
    """Add up the stages of so many views, contexts, correlations and matches."""
    groups = (VIEW, (CONTEXT,), (CORRELATION,), MATCH)
    return sum(times * values[stage] for times, group in zip(parts, groups, strict=True)
               for stage in group)


def describe_machine(settings: Settings) -> dict[str, Any]:
    """Say what the numbers depend on."""
    try:
        found = re.search(r'^model name\s*:\s*(.+)$', Path('/proc/cpuinfo').read_text(), re.M)
    except OSError:
        found = None
    return {**asdict(settings), 'cpu': found[1] if found else 'unknown CPU',
            'cores': os.cpu_count(), 'torch': torch.__version__,
            'load_average': os.getloadavg()[0]}


def parse_size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if found is None:
        raise argparse.ArgumentTypeError(f'expected HEIGHTxWIDTH, 480x640 for example, got {text}')
    return int(found[1]), int(found[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--backbone', choices=['s', 'b', 'l', 'g', 'tiny'], default='s',
                        metavar='s|b|l|g', help='default s')
    parser.add_argument('--size', type=parse_size, action='append', metavar='HxW',
                        help='image size, may be given several times; default 480x640, 720x1280')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--no-fold', dest='fold', action='store_false',
                        help='the network as it is trained')
    parser.add_argument('--precision', choices=['fp32', 'bf16'], default='fp32',
                        help='of the features; the matching stays in fp32')
    parser.add_argument('--repeat', type=int, default=1, help='of which the median counts')
    parser.add_argument('--json', help='write the numbers to this file too')
    args = parser.parse_args()
    if args.threads < 1 or args.repeat < 1:
        parser.error('--threads and --repeat must be at least 1')
    settings = Settings(args.backbone, args.fold, args.precision, args.threads, args.repeat)
    facts = describe_machine(settings)
    print_header(facts)
    facts['sizes'] = []
    context = multiprocessing.get_context('spawn')
    for size in args.size or [SMALL, LARGE]:
        with ProcessPoolExecutor(1, context) as pool:
            try:
                numbers = pool.submit(measure_size, settings, size).result()
            except BrokenProcessPool:
                sys.exit(f'{size[0]}x{size[1]}: the process was killed; is there enough memory?')
        print_table(args.backbone, numbers)
        facts['sizes'].append(numbers)
    if args.json:
        Path(args.json).write_text(json.dumps(facts, indent=2))


if __name__ == '__main__':
    main()
