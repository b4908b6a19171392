"""What `panmatch info` says about the files of the nano network."""
from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any


def is_nano(path: Path) -> bool:
    """Whether a file belongs to a nano network: its graphs, their description, its weights."""
    if path.name == 'nano.json' or (path.suffix == '.onnx' and path.name.startswith('nano_')):
        return True
    with path.open('rb') as file:
        start = file.read(8)
        length = int.from_bytes(start, 'little')
        return len(start) == 8 and 2 <= length < 1 << 20 and b'panmatch_ros nano' in \
            file.read(length)


def rows_of(path: Path) -> list[tuple[str, str]]:
    """
    Rows on a file of a nano network, after checking it.

    :raises PanMatchError: if it cannot be used.
    """
    return _weight_rows(path) if path.suffix == '.safetensors' else _graph_rows(path)


def _graph_rows(path: Path) -> list[tuple[str, str]]:
    from ..checkpoints.nano_graphs import find_nano
    from ..models.nano_parts import PARTS, graph_path
    graphs = find_nano(str(path.parent))
    manifest = graphs.manifest
    rows = [('folder', f'{graphs.folder}'), ('kind', 'nano network as ONNX graphs'),
            *_network_rows(manifest['network'])]
    for part in PARTS:
        data = graphs.read(part)
        rows.append((part, f'{graph_path(graphs.folder, part).name} ({len(data) / 1e6:.2f} MB), '
                           'its SHA-256 is the one recorded'))
    rows += [('written by', f'panmatch_ros {manifest.get("version", "unknown")}'),
             ('weights', f'sha256 {manifest.get("weights_sha256", "not recorded")}')]
    return rows + _note_rows(manifest.get('notes'))


def _weight_rows(path: Path) -> list[tuple[str, str]]:
    from ..checkpoints.files import sha256
    from ..checkpoints.nano_weights import load_nano
    model, notes = load_nano(path)
    return [('file', f'{path} ({path.stat().st_size / 1e6:.2f} MB)'),
            ('kind', 'weights of a nano network'), *_network_rows(model.config.to_dict()),
            ('parameters', f'{sum(each.numel() for each in model.parameters()):,}'),
            ('sha256', sha256(path)), *_note_rows(notes),
            ('next', f'panmatch export {path} DIR')]


def _network_rows(network: Mapping[str, Any]) -> list[tuple[str, str]]:
    levels = network['disparity_levels']
    return [('channels', f'{" ".join(map(str, network["channels"]))} at 1/2, 1/4, 1/8, 1/16'),
            ('updates', f'{" ".join(map(str, network["iterations"]))} at 1/4, 1/8, 1/16'),
            ('disparities', f'up to {8 * levels} px searched')]


def _note_rows(notes: Any) -> list[tuple[str, str]]:
    """Rows on the training, as far as it is recorded."""
    known = notes if isinstance(notes, dict) else {}
    return [(f'{name} of training' if name in ('steps', 'hours') else name,
             value if isinstance(value, str) else json.dumps(value))
            for name in ('steps', 'hours', 'validation') if (value := known.get(name))]
