"""The graphs that a nano network is exported as: their names, and the sizes of their arrays."""
from pathlib import Path

PARTS = ('encoder', 'flow', 'stereo', 'refine')
FEATURES = ('half', 'quarter', 'eighth', 'sixteenth', 'tokens')
SCALES = dict(zip(FEATURES, (2, 4, 8, 16, 16), strict=True))  # the image is so much larger
START = ('flow4', 'state4', 'certainty4')  # what the graphs flow and stereo give
INPUTS = {
    'encoder': ('image',),
    'flow': ('eighth0', 'sixteenth0', 'tokens0', 'eighth1', 'tokens1', 'flow_init',
             'init_weight'),
    'stereo': ('quarter0', 'eighth0', 'quarter1', 'eighth1'),
    'refine': ('half0', 'quarter0', 'half1', 'quarter1', 'flow4', 'state4', 'horizontal'),
}
OUTPUTS = {'encoder': FEATURES, 'flow': START, 'stereo': START, 'refine': ('flow', 'confidence')}
NAMES = frozenset(name for names in (*INPUTS.values(), *OUTPUTS.values()) for name in names)


def graph_path(folder: Path, part: str) -> Path:
    """Name the file of one of the :data:`PARTS`."""
    return folder / f'nano_{part}.onnx'


def scale_of(name: str) -> int:
    """
    Tell how much smaller than the image an input or a result is; 0 for one of fixed size.

    :param name: one of :data:`NAMES`.
    """
    if name in ('flow_init', 'init_weight'):
        return 16
    if name in ('image', 'flow', 'confidence'):
        return 1
    return 4 if name in START else SCALES.get(name, SCALES.get(name[:-1], 0))
