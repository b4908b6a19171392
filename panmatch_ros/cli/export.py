"""
Write the nano network as ONNX graphs, as the matcher nano reads them.

The graphs take images of any size and share no weights. They are compared with the network in
PyTorch on a synthetic pair; the folder also gets the weights and nano.json with check sums.
"""
import argparse
import json
from pathlib import Path
import shutil
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError, FormatError
from .options import count, package_version

if TYPE_CHECKING:
    import numpy as np

    from ..models.nano import Nano

SUMMARY = 'write the nano network as ONNX graphs'
EXAMPLES = """\
panmatch export out/nano/best.safetensors out/graphs
                                        # graphs, weights and nano.json
panmatch match a.png b.png --matcher nano --weights out/graphs --out out/flow
                                        # use them
panmatch export out/nano/best.safetensors out/faster --iterations 1 1 1
                                        # fewer corrections at 1/4, 1/8 and 1/16
"""
SIZE = (240, 320)      # of the pair that is compared, pixels
TOLERANCE_PX = 1e-3
SHARE = 0.99           # rounding may choose between two equally good candidates at a few pixels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('weights', type=Path, metavar='WEIGHTS',
                        help='a .safetensors of `panmatch train`')
    parser.add_argument('out', type=Path, metavar='DIR',
                        help='folder for the files; made if it does not exist')
    parser.add_argument('--iterations', type=count, nargs=3, metavar='N',
                        help='updates at 1/4, 1/8 and 1/16; default those it was trained with')
    parser.add_argument('--overwrite', action='store_true', help='replace files that are there')


def run(args: argparse.Namespace) -> int:
    """
    Export, compare, and print the difference.

    :raises PanMatchError: if the weights cannot be used, or the graphs give other values.
    """
    from ..checkpoints.dependencies import import_torch
    from ..checkpoints.files import sha256
    from ..checkpoints.nano_graphs import (
        MANIFEST,
        WEIGHTS,
        describe_graph,
        find_nano,
        write_manifest,
    )
    from ..checkpoints.nano_weights import load_nano
    if (args.out / MANIFEST).exists() and not args.overwrite:
        raise ConfigError(f'{args.out / MANIFEST} exists; name another folder, or add --overwrite')
    import_torch()
    model, notes = load_nano(args.weights)
    if args.iterations:
        model.iterations = tuple(args.iterations)
    from ..models.nano_export import export_nano
    network = {**model.config.to_dict(), 'iterations': list(model.iterations)}
    args.out.mkdir(parents=True, exist_ok=True)
    origin = {'version': package_version(), 'weights_sha256': sha256(args.weights)}
    paths = export_nano(model, args.out)
    for path in paths:
        describe_graph(path, {**origin, 'format': 'panmatch_ros nano graph 1',
                              'network': json.dumps(network)})
    copy = args.out / WEIGHTS
    if not copy.exists() or not copy.samefile(args.weights):
        shutil.copyfile(args.weights, copy)
    write_manifest(args.out, network, [copy, *paths], {**origin, 'notes': notes})
    found = compare(model, str(args.out))
    write_manifest(args.out, network, [copy, *paths], {**origin, 'compared': found,
                                                       'notes': notes})
    for path in (copy, *paths):
        print(f'{path}  {path.stat().st_size / 1e6:.2f} MB')
    print(f'difference to PyTorch at {SIZE[1]} x {SIZE[0]} pixels: ' + ', '.join(
        f'{name} {value:.2g}' for name, value in found.items()))
    find_nano(str(args.out))
    return 0


def compare(model: 'Nano', folder: str) -> dict[str, Any]:
    """
    Compare the graphs with the network on a synthetic pair.

    :returns: largest differences where the two chose the same candidates, and the share of
        pixels where they did not.
    :raises FormatError: if they differ at more than a few pixels.
    """
    import numpy as np
    import torch

    from ..inference.nano import NanoMatcher, NanoOptions
    matcher = NanoMatcher(NanoOptions(weights=folder))
    image0, image1 = textured_pair()
    view0, view1 = matcher.view(image0), matcher.view(image1)
    tensors = [torch.from_numpy(view0.layout.forward(image)) for image in (image0, image1)]
    found = {}
    for task, field in (('flow', matcher.network.flow(view0, view1)),
                        ('stereo', matcher.network.disparity(view0, view1))):
        with torch.no_grad():
            flow, confidence = model(*tensors, rectified=task == 'stereo')
        difference = np.abs(field.flow - flow.numpy()).max(axis=1)
        same = difference < TOLERANCE_PX
        if same.mean() < SHARE:
            raise FormatError(f'the graphs in {folder} give other values than the network: {task} '
                              f'differs by more than {TOLERANCE_PX} pixels at '
                              f'{100 * (1 - same.mean()):.2g} % of the pixels, by '
                              f'{difference.max():.2g} at most')
        found[f'{task}_px'] = float(difference[same].max())
        found[f'{task}_confidence'] = float(
            np.abs(field.confidence - confidence.numpy())[:, 0][same].max())
        found[f'{task}_other_share'] = float(1 - same.mean())
    return found


def textured_pair() -> 'tuple[np.ndarray, np.ndarray]':
    """Two images of a texture, the second moved by 7 pixels to the left."""
    import cv2
    import numpy as np
    rng = np.random.default_rng(0)
    height, width = SIZE
    parts = [cv2.resize(rng.random((height // step + 2, width // step + 3, 3)),
                        (width + 7, height), interpolation=cv2.INTER_CUBIC)
             for step in (2, 8, 32)]
    image = np.clip(np.mean(np.stack(parts), axis=0), 0, 1)
    return np.ascontiguousarray(image[:, :width]), np.ascontiguousarray(image[:, 7:])
