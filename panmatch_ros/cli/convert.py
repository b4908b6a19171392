"""Make one weight file from the official PanMatch checkpoint and the weights of its backbone."""
import argparse
from pathlib import Path

SUMMARY = 'make one weight file from the two official ones'
EXAMPLES = """\
panmatch convert --panmatch PanMatch_stage3_60k.pth --dinov2 dinov2_vitg14_reg4_pretrain.pth \\
    --out panmatch_g.safetensors        # `panmatch info --catalog` says where to get them
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('--panmatch', type=Path, required=True, metavar='FILE',
                        help='the PanMatch checkpoint (.pth)')
    parser.add_argument('--dinov2', type=Path, required=True, metavar='FILE',
                        help='weights of the DINOv2 backbone that it was trained on (.pth)')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE',
                        help='file to write (.safetensors)')
    parser.add_argument('--hooks', type=int, nargs=4, metavar='I',
                        help='backbone blocks, from 0, that feed 1/2, 1/4, 1/8 and 1/16; no file '
                             'tells them, the default is that of the network')
    parser.add_argument('--overwrite', action='store_true', help='replace --out if it exists')


def run(args: argparse.Namespace) -> int:
    """
    Convert and print what was recognised.

    :raises PanMatchError: if a file is not what it should be.
    """
    from ..checkpoints.convert import convert
    from .info import print_native
    convert(args.panmatch, args.dinov2, args.out, args.hooks, args.overwrite)
    print_native(args.out, verify=False)
    return 0
