"""Make image pairs with exact disparity or flow out of random scenes."""
import argparse
from dataclasses import asdict
import json
from pathlib import Path
import re
import shutil
import sys
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from .options import count, positive, share, versions

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
panmatch evaluate out/synth     # errors of a matcher on them
"""
# Share of stereo pairs, and of layers among the others.
KINDS = {'mixed': (0.5, 0.6), 'stereo': (1.0, 0.6), 'layers': (0.0, 1.0), 'camera': (0.0, 0.0)}
ABOUT = 'synth.json'
SHEET = 'contact_sheet.png'
SHEET_ROWS = 24
SHEET_WIDTH = 1280
OCCLUDED = 255


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('out', type=Path, metavar='OUT',
                        help='folder for the pairs, one folder each; made if it does not exist')
    parser.add_argument('--count', type=count, default=10, metavar='N',
                        help='how many pairs (default 10)')
    parser.add_argument('--seed', type=seed, default=0, metavar='S',
                        help='the same seed and options make the same pairs (default 0)')
    parser.add_argument('--size', type=size, default=(192, 256), metavar='HxW',
                        help='height and width, pixels (default 192x256)')
    parser.add_argument('--kind', choices=KINDS, default='mixed',
                        help='stereo: rectified pairs; layers: shapes that move in the image '
                             'plane; camera: a moving camera in a scene of planes; mixed '
                             '(default): half stereo, the rest of both others')
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
    Make the pairs and a picture of the first ones.

    :returns: 0.
    :raises PanMatchError: if an option cannot be used or the folder is not empty.
    """
    from ..data.formats import write_image
    from ..data.synthetic.generator import generate_pair
    from ..viz.panels import tile_panels
    recipe = recipe_of(args)
    prepare_folder(args.out, args.overwrite)
    panels: list[tuple[str, np.ndarray]] = []
    for index in range(args.count):
        pair = generate_pair(recipe, args.seed, index)
        write_pair(args.out / f'{index:05d}', pair)
        if index < SHEET_ROWS:
            panels += panels_of(pair, f'{index:05d}')
        if index + 1 == args.count or (index + 1) % 50 == 0:
            print(f'[{index + 1}/{args.count}]', file=sys.stderr)
    write_image(args.out / SHEET, tile_panels(panels, 4, SHEET_WIDTH))
    about = {'recipe': asdict(recipe), 'seed': args.seed, 'count': args.count,
             'versions': versions()}
    (args.out / ABOUT).write_text(json.dumps(about, indent=2, allow_nan=False) + '\n')
    print(f'{args.out}: {args.count} pairs, {SHEET}, {ABOUT}')
    return 0


def recipe_of(args: argparse.Namespace) -> 'SceneRecipe':
    """
    Translate the options.

    :raises ConfigError: if they cannot be used.
    """
    from ..data.synthetic.generator import SceneRecipe
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


def write_pair(folder: Path, pair: 'TrainingPair') -> None:
    """Write the images, the truth and the mask of one pair."""
    import numpy as np

    from ..data.formats import write_flo, write_image, write_pfm
    folder.mkdir()
    write_image(folder / 'image0.png', pair.image0)
    write_image(folder / 'image1.png', pair.image1)
    if pair.rectified:
        write_pfm(folder / 'disparity.pfm', -pair.flow[..., 0])
    else:
        write_flo(folder / 'flow.flo', pair.flow)
    mask = pair.occlusion.astype(np.uint8) * OCCLUDED
    write_image(folder / 'occlusion.png', np.repeat(mask[..., None], 3, axis=-1))


def panels_of(pair: 'TrainingPair', name: str) -> 'list[tuple[str, np.ndarray]]':
    """Pictures of a pair, with titles."""
    import numpy as np

    from ..viz.flow import flow_to_color
    from ..viz.scalar import disparity_to_color
    if pair.rectified:
        title, truth = 'disparity', disparity_to_color(-pair.flow[..., 0])
    else:
        title, truth = 'flow', flow_to_color(pair.flow)
    largest = float(np.linalg.norm(pair.flow, axis=-1).max())
    return [(f'{name} image0', pair.image0), ('image1', pair.image1),
            (f'{title}, max {largest:.0f} px', truth),
            ('occlusion', pair.occlusion.astype(np.uint8) * OCCLUDED)]


def size(text: str) -> tuple[int, int]:
    """
    Read a height and a width like ``192x256``.

    :raises ArgumentTypeError: if it is something else.
    """
    match = re.fullmatch(r'(\d{1,5})[xX](\d{1,5})', text)
    if match is None:
        raise argparse.ArgumentTypeError(f'{text!r} is not HxW, like 192x256')
    return int(match[1]), int(match[2])


def seed(text: str) -> int:
    """
    Read a whole number from 0.

    :raises ArgumentTypeError: if it is none.
    """
    if not re.fullmatch(r'\d{1,18}', text):
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number from 0')
    return int(text)
