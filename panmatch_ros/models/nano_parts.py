"""The graphs that a nano network is exported as: their names, and the sizes of their arrays."""
from pathlib import Path

PARTS = ('encoder', 'flow', 'stereo', 'refine')
FEATURES = ('half', 'quarter', 'eighth', 'sixteenth', 'tokens')
SCALES = dict(zip(FEATURES, (2, 4, 8, 16, 16), strict=True))  # the image is so much larger
START = ('flow4', 'state4', 'certainty4')  # what the graphs flow and stereo give
NAMES = frozenset(('image', 'flow_init', 'init_weight', 'horizontal', 'flow', 'confidence',
                   *FEATURES, *(f'{name}{image}' for name in FEATURES for image in '01'), *START))


def graph_path(folder: Path, part: str) -> Path:
    """Name the file of one of the :data:`PARTS`."""
    return folder / f'nano_{part}.onnx'


def input_scale(name: str) -> int:
    """
    Tell how much smaller than the image an input of a graph is; 0 for one of fixed size.

    :param name: of the input.
    """
    if name in ('flow_init', 'init_weight'):
        return 16
    if name == 'image':
        return 1
    return 4 if name in START else SCALES.get(name[:-1], 0)
