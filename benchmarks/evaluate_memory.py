#!/usr/bin/env python3
"""
Memory that `panmatch evaluate` takes for many frames: the most it has at a time, in its process.

The frames are links to a few drawn pairs of known truth, half of them stereo; each is read,
matched, kept, scored and shown as if it were another. The predictions take 2.5 MB a frame of
640x480 in the temporary folder while it runs.

    python benchmarks/evaluate_memory.py [--frames 1000] [--size 480x640] [--matcher classical]
"""
import argparse
from pathlib import Path
import resource
import subprocess
import sys
import tempfile
import time

from panmatch_ros.cli.network_options import MATCHERS
from panmatch_ros.cli.options import count, size
from panmatch_ros.data.formats import write_flo, write_image, write_pfm
from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_pair

SEED, DRAWN = 7, 10
NAMES = {True: ('left.png', 'right.png', 'disp.pfm'), False: ('img0.png', 'img1.png', 'flow.flo')}


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=count, default=1000, metavar='N')
    parser.add_argument('--size', type=size, default=(480, 640), metavar='HxW')
    parser.add_argument('--matcher', choices=MATCHERS, default='classical')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='panmatch-') as temporary:
        folder = Path(temporary)
        write_frames(folder, args.size, args.frames)
        start_s = time.monotonic()
        command = [sys.executable, '-m', 'panmatch_ros.cli.main', 'evaluate',
                   str(folder / 'frames'), '--matcher', args.matcher, '--out',
                   str(folder / 'out')]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        elapsed_s = time.monotonic() - start_s
        page_bytes = (folder / 'out' / 'report.html').stat().st_size
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f'{args.frames} frames of {args.size[1]}x{args.size[0]} with {args.matcher}: at most '
          f'{peak_kib / 1024:.0f} MiB resident, {elapsed_s:.0f} s, '
          f'report of {page_bytes / 1e6:.1f} MB')


def write_frames(folder: Path, size_px: tuple[int, int], frames: int) -> None:
    """
    Write a few pairs, and folders that link to them.

    :param size_px: (height, width).
    """
    for index in range(min(DRAWN, frames)):
        is_stereo = index % 2 == 0
        recipe = SceneRecipe(height=size_px[0], width=size_px[1],
                             stereo_share=float(is_stereo), pool_size=40)
        pair = generate_pair(recipe, SEED, index)
        drawn = folder / 'drawn' / str(index)
        drawn.mkdir(parents=True)
        first, second, truth = NAMES[is_stereo]
        write_image(drawn / first, pair.image0)
        write_image(drawn / second, pair.image1)
        if is_stereo:
            write_pfm(drawn / truth, -pair.flow[..., 0])
        else:
            write_flo(drawn / truth, pair.flow)
    for frame in range(frames):
        drawn = folder / 'drawn' / str(frame % DRAWN)
        linked = folder / 'frames' / f'{frame:05d}'
        linked.mkdir(parents=True)
        for path in drawn.iterdir():
            (linked / path.name).symlink_to(path)


if __name__ == '__main__':
    main()
