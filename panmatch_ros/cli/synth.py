"""Make image pairs and sequences with exact disparity, flow and depth out of random scenes."""
import argparse
from collections.abc import Iterator
from dataclasses import asdict
import json
from pathlib import Path
import re
import shutil
import sys
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from .options import count, positive, share, size, versions

if TYPE_CHECKING:
    import numpy as np

    from ..data.synthetic.generator import SceneRecipe, TrainingPair

SUMMARY = 'make image pairs with exact disparity or flow'
EXAMPLES = """\
panmatch synth out/synth --count 20
                                # stereo pairs, moving layers and moving cameras
panmatch synth out/stereo --kind stereo --count 50 --size 384x512 --max-disparity 128
                                # rectified pairs only, larger
panmatch synth out/flow --kind camera --photometrics 0 --seed 7
                                # a moving camera, no differences of light or noise
panmatch synth out/video --kind camera --sequence 8 --count 4
                                # four sequences of eight frames, with depth and pose
panmatch evaluate out/synth     # errors of a matcher on them
"""
# Share of stereo pairs, and of layers among the others.
KINDS = {'mixed': (0.5, 0.6), 'stereo': (1.0, 0.6), 'layers': (0.0, 1.0), 'camera': (0.0, 0.0)}
ABOUT = 'synth.json'
SHEET = 'contact_sheet.png'
SHEET_ROWS, SHEET_COLUMNS = 24, 4
SHEET_WIDTH = 1280
MOST_FRAMES = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('out', type=Path, metavar='OUT',
                        help='folder for the pairs, one folder each; made if it does not exist')
    parser.add_argument('--count', type=count, default=10, metavar='N',
                        help='how many pairs, or sequences (default 10)')
    parser.add_argument('--sequence', type=frames, metavar='N',
                        help='make sequences of N frames instead of pairs; layers or a moving '
                             'camera, never stereo')
    parser.add_argument('--seed', type=seed, default=0, metavar='S',
                        help='the same seed and options make the same pairs (default 0)')
    parser.add_argument('--size', type=size, default=(192, 256), metavar='HxW',
                        help='height and width, pixels (default 192x256)')
    parser.add_argument('--kind', choices=KINDS, default='mixed',
                        help='stereo: rectified pairs; layers: shapes that move in the image '
                             'plane; camera: a moving camera before planes, boxes and balls; '
                             'mixed (default): half stereo, the rest of both others')
    parser.add_argument('--max-disparity', type=positive, metavar='PX',
                        help='largest disparity, pixels (default: a quarter of the width)')
    parser.add_argument('--motion-scale', type=positive, default=1.0, metavar='X',
                        help='multiplies the motion of pairs that are not stereo (default 1)')
    parser.add_argument('--photometrics', type=share, default=0.8, metavar='SHARE',
                        help='share of the pairs whose images differ in light, blur and noise '
                             '(default 0.8)')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace the pairs of an earlier run')


def run(args: argparse.Namespace) -> int:
    """
    Make the pairs or sequences and a picture of the first ones.

    :returns: 0.
    :raises PanMatchError: if an option cannot be used or the folder is not empty.
    """
    from ..data.formats import write_image
    from ..data.synthetic.files import write_pair
    from ..viz.panels import tile_panels
    recipe = recipe_of(args)
    prepare_folder(args.out, args.overwrite)
    panels: list[tuple[str, np.ndarray]] = []
    for index in range(args.count):
        for name, pair in pairs_of(recipe, args, index):
            write_pair(args.out / name, pair)
            if len(panels) < SHEET_ROWS * SHEET_COLUMNS:
                panels += panels_of(pair, name)
        if index + 1 == args.count or (index + 1) % 50 == 0:
            print(f'[{index + 1}/{args.count}]', file=sys.stderr)
    write_image(args.out / SHEET, tile_panels(panels, SHEET_COLUMNS, SHEET_WIDTH))
    about = {'recipe': asdict(recipe), 'seed': args.seed, 'count': args.count,
             'sequence': args.sequence, 'versions': versions()}
    (args.out / ABOUT).write_text(json.dumps(about, indent=2, allow_nan=False) + '\n')
    what = f'sequences of {args.sequence} frames' if args.sequence else 'pairs'
    print(f'{args.out}: {args.count} {what}, {SHEET}, {ABOUT}')
    return 0


def pairs_of(recipe: 'SceneRecipe', args: argparse.Namespace,
             index: int) -> 'Iterator[tuple[str, TrainingPair]]':
    """Make one pair, or the steps of one sequence; with the folder of each below OUT."""
    from ..data.synthetic.generator import generate_pair, generate_sequence
    name = f'{index:05d}'
    if args.sequence is None:
        yield name, generate_pair(recipe, args.seed, index)
        return
    sequence = generate_sequence(recipe, args.seed, index, args.sequence)
    for step in range(args.sequence - 1):
        yield f'{name}/{step:03d}', sequence.step(step)


def recipe_of(args: argparse.Namespace) -> 'SceneRecipe':
    """
    Translate the options.

    :raises ConfigError: if they cannot be used.
    """
    from ..data.synthetic.generator import SceneRecipe
    if args.sequence is not None and args.kind == 'stereo':
        raise ConfigError('--sequence makes layers or a moving camera in motion, and --kind is '
                          'stereo; name another kind, or leave --sequence out')
    stereo, layered = KINDS[args.kind]
    height, width = args.size
    return SceneRecipe(height=height, width=width, motion_scale=args.motion_scale,
                       max_disparity=args.max_disparity or width / 4, stereo_share=stereo,
                       layered_share=layered, photometric_share=args.photometrics)


def prepare_folder(folder: Path, overwrite: bool) -> None:
    """
    Make the folder, and remove the pairs of an earlier run from it.

    :raises ConfigError: if it is a file, or holds anything and ``overwrite`` is not set, or holds
        something that no earlier run made.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f'OUT {folder} is a file; name a folder')
    if folder.is_dir() and any(folder.iterdir()):
        if not overwrite:
            raise ConfigError(f'OUT {folder} is not empty; name another folder, or add '
                              '--overwrite to replace the pairs in it')
        if not (folder / ABOUT).is_file():
            raise ConfigError(f'OUT {folder} holds no {ABOUT}, so it is not from an earlier run; '
                              'name another folder')
        for pair in folder.iterdir():
            if pair.is_dir() and re.fullmatch(r'\d{5,}', pair.name):
                shutil.rmtree(pair)
    folder.mkdir(parents=True, exist_ok=True)


def panels_of(pair: 'TrainingPair', name: str) -> 'list[tuple[str, np.ndarray]]':
    """Pictures of a pair, with titles."""
    import numpy as np

    from ..data.synthetic.files import mask_image
    from ..viz.flow import flow_to_color
    from ..viz.scalar import disparity_to_color
    if pair.rectified:
        title, truth = 'disparity', disparity_to_color(-pair.flow[..., 0])
    else:
        title, truth = 'flow', flow_to_color(pair.flow)
    largest = float(np.linalg.norm(pair.flow, axis=-1).max())
    return [(f'{name} image0', pair.image0), ('image1', pair.image1),
            (f'{title}, max {largest:.0f} px', truth),
            ('occlusion', mask_image(pair.occlusion))]


def seed(text: str) -> int:
    """
    Read a whole number from 0.

    :raises ArgumentTypeError: if it is none.
    """
    if not re.fullmatch(r'\d{1,18}', text):
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number from 0')
    return int(text)


def frames(text: str) -> int:
    """
    Read a number of frames.

    :raises ArgumentTypeError: if it is no whole number from 2 to 1000.
    """
    if not re.fullmatch(r'\d{1,4}', text) or not 2 <= int(text) <= MOST_FRAMES:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number of frames from 2 to '
                                         f'{MOST_FRAMES}')
    return int(text)
