"""
Write docs/operator_coverage.md: which operators the exported networks have, and what takes them.

``python tools/operator_coverage.py [--check]``; takes a minute, needs torch and no GPU.
"""
import argparse
from collections import Counter
from pathlib import Path
import sys

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from panmatch_ros.checkpoints.nano_weights import load_nano, shipped_weights
from panmatch_ros.models import panmatch_parts
from panmatch_ros.models.export import decompose
from panmatch_ros.models.folding import fold_for_inference
from panmatch_ros.models.nano_folding import FoldedNano
from panmatch_ros.models.nano_modules import NanoPart, example_inputs
from panmatch_ros.models.nano_parts import PARTS
from panmatch_ros.models.panmatch import PanMatch
from panmatch_ros.models.presets import PRESETS, preset

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'operator_coverage.md'
CONVERTERS = ROOT / 'test' / 'data' / 'torch_tensorrt_converters.txt'
LOWERED = {
    'aten.view.default': 'lowering pass: becomes reshape',
    'aten.scaled_dot_product_attention.default': 'lowering pass in 2.8, converter in 2.13',
    'aten._assert_tensor_metadata.default': 'removed by a lowering pass; computes nothing',
    'aten.alias.default': 'removed by a lowering pass; computes nothing',
    '<built-in function getitem>': 'takes one of several results; computes nothing',
}
SIZE = (112, 224)        # of PanMatch; other sizes have the same operators
NANO_SIZE = (128, 192)
HEAD = """\
# Operators of the exported networks

Written by `python tools/operator_coverage.py`, from `torch.export` with the decompositions that
compilers ask for; one update of PanMatch stands for any number. The converters are those that both
Torch-TensorRT 2.8.0 and 2.13.0 register. No engine was built for this page: it says that nothing
stands in the way, not that it was done.

"""


def main() -> int:
    """Write the page, or say whether it is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true',
                        help='only compare; status 1 if it differs')
    check = parser.parse_args().check
    text = page()
    if check and PAGE.read_text(encoding='utf-8') != text:
        print(f'{PAGE} is not what the networks give; run python {Path(__file__).name}')
        return 1
    if not check:
        PAGE.write_text(text, encoding='utf-8')
    return 0


def page() -> str:
    """
    Make the page.

    :raises ValueError: if there is an operator that nothing takes.
    """
    counted = {'nano': nano_operators(), **{name: panmatch_operators(name) for name in PRESETS}}
    names = sorted(set().union(*counted.values()))
    covered = set(CONVERTERS.read_text(encoding='utf-8').split())
    lines = ['| operator | ' + ' | '.join(counted) + ' | what takes it |',
             '|---|' + '---|' * (len(counted) + 1)]
    for name in names:
        if name not in covered and name not in LOWERED:
            raise ValueError(f'nothing takes the operator {name}')
        takes = LOWERED.get(name, 'converter of the same name')
        counts = ' | '.join(str(counted[each][name] or '') for each in counted)
        lines.append(f'| `{name.strip("<>")}` | {counts} | {takes} |')
    return HEAD + '\n'.join(lines) + '\n'


def nano_operators() -> Counter:
    """Count the operators of the parts of nano."""
    network = FoldedNano(load_nano(shipped_weights())[0])
    found: Counter = Counter()
    for part in PARTS:
        inputs = tuple(example_inputs(network, part, NANO_SIZE).values())
        found += operators(NanoPart(network, part).eval(), inputs)
    return found


def panmatch_operators(name: str) -> Counter:
    """Count the operators of the parts of a preset, without memory for its weights."""
    found: Counter = Counter()
    with FakeTensorMode():
        network = fold_for_inference(PanMatch(preset(name, iterations=1)))
        for part in panmatch_parts.INPUTS:
            inputs = panmatch_parts.example_inputs(network, part, SIZE)
            found += operators(panmatch_parts.make_part(network, part, SIZE), inputs)
    return found


def operators(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Counter:
    """Count the operators of a module."""
    with torch.no_grad():
        program = torch.export.export(module, inputs, strict=False)
    return Counter(str(node.target) for node in decompose(program).graph.nodes
                   if node.op == 'call_function')


if __name__ == '__main__':
    sys.exit(main())
