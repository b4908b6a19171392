#!/usr/bin/env python3
"""
Error of the flow of nano in drawn sequences, with streams that start cold and warm.

    python benchmarks/warm_start.py [--sequences 10] [--size 256x384]
"""
import argparse

import numpy as np

from panmatch_ros.cli.options import count, size
from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_sequence
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions

SEED, FRAMES = 99, 4
SCALES = (1.0, 3.0)  # of the motion
BAD_PX = 3.0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--sequences', type=count, default=10, metavar='N')
    parser.add_argument('--size', type=size, default=(256, 384), metavar='HxW')
    args = parser.parse_args()
    cold = NanoMatcher(NanoOptions())
    warm = cold.with_options(NanoOptions(warm_start=True))
    print('| motion | start | mean error px | more than 3 px off % |\n|---|---|---|---|')
    for scale in SCALES:
        recipe = SceneRecipe(height=args.size[0], width=args.size[1], stereo_share=0.0,
                             motion_scale=scale, pool_size=40)
        for name, matcher in (('cold', cold), ('warm', warm)):
            errors = np.concatenate([errors_of(matcher, recipe, index)
                                     for index in range(args.sequences)])
            print(f'| {scale:g} | {name} | {errors.mean():.3f} | '
                  f'{100 * (errors > BAD_PX).mean():.2f} |')


def errors_of(matcher: NanoMatcher, recipe: SceneRecipe, index: int) -> np.ndarray:
    """Errors of all visible pixels of a sequence, without its first pair, which is always cold."""
    sequence = generate_sequence(recipe, SEED, index, FRAMES)
    stream, errors = matcher.stream(), []
    for frame, image in enumerate(sequence.frames):
        found = stream.next(image)
        if found is None or frame < 2:
            continue
        error = np.linalg.norm(found.flow - sequence.flows[frame - 1], axis=-1)
        errors.append(error[~sequence.occlusions[frame - 1].astype(bool)])
    return np.concatenate(errors)


if __name__ == '__main__':
    main()
