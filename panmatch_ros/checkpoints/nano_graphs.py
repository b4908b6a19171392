"""The exported nano network: where it is, what it is, and whether it is whole."""
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
from importlib.resources import files
import json
from pathlib import Path
from typing import Any

from ..core.errors import FormatError, MissingDependencyError
from ..models.nano_parts import PARTS, graph_path

FORMAT = 'panmatch_ros nano graphs 2'
MANIFEST = 'nano.json'
WEIGHTS = 'nano.safetensors'
CHANNELS = {'flow': 2, 'confidence': 1, 'flow4': 2, 'certainty4': 1}  # of results
REPAIR = 'install panmatch_ros again, or make the files with `panmatch export`'


@dataclass(frozen=True)
class NanoGraphs:
    """
    A folder with the graphs of one network.

    :param folder: where they are.
    :param manifest: what ``nano.json`` says.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def disparity_levels(self) -> int:
        """Number of disparities of the stereo volume, steps of 8 pixels."""
        return int(self.manifest['network']['disparity_levels'])

    def read(self, part: str) -> bytes:
        """
        Read a graph.

        :param part: one of ``PARTS``.
        :raises FormatError: if the file is missing, or not the one that the manifest describes.
        """
        path = graph_path(self.folder, part)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise FormatError(f'{path} is missing: {REPAIR}') from None
        expected = self.manifest['files'].get(path.name, {}).get('sha256')
        if hashlib.sha256(data).hexdigest() != expected:
            raise FormatError(f'{path} is damaged or of another network: its SHA-256 is not that '
                              f'in {MANIFEST}; {REPAIR}')
        return data


def shipped_folder() -> Path:
    """Where the network is that comes with this package."""
    return Path(str(files(__package__))) / 'weights'


def find_nano(folder: str = '') -> NanoGraphs:
    """
    Find a network.

    :param folder: of `panmatch export`; ``~`` is the home folder. The shipped network if
        empty.
    :raises FormatError: if there is none, or its manifest cannot be used.
    """
    where = Path(folder).expanduser() if folder else shipped_folder()
    path = where / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError):
        raise FormatError(f'{where} holds no nano network: there is no {MANIFEST}; '
                          + ('give a folder of `panmatch export`' if folder else REPAIR)
                          ) from None
    except ValueError as error:
        raise FormatError(f'{path} is damaged ({error}); {REPAIR}') from None
    if not isinstance(manifest, dict) or manifest.get('format') != FORMAT:
        raise FormatError(f'{path} does not describe a nano network of the format {FORMAT!r}')
    try:
        listed = [graph_path(where, part).name in manifest['files'] for part in PARTS]
        whole = all(listed) and int(manifest['network']['disparity_levels']) > 0
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise FormatError(f'{path} is incomplete: it must list {len(PARTS)} graphs and the '
                          f'network; {REPAIR}')
    return NanoGraphs(where, manifest)


def describe_graph(path: Path, properties: Mapping[str, str]) -> None:
    """
    Say in a graph what it is, and give the sizes of its results that are fixed.

    :param properties: go into its metadata, with the name of the part.
    :raises MissingDependencyError: if onnx is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingDependencyError('to write ONNX, install its package: pip install '
                                     'onnx') from error
    model = onnx.load(str(path))
    for value in model.graph.output:
        first, channels, *_ = value.type.tensor_type.shape.dim
        for size, length in ((first, 1), (channels, CHANNELS.get(value.name))):
            if length is not None:  # the exporter makes up names
                size.Clear()
                size.dim_value = length
    part = path.stem.partition('_')[2]
    onnx.helper.set_model_props(model, {**properties, 'part': part})
    model.producer_name = 'panmatch_ros'
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def write_manifest(folder: Path, network: Mapping[str, Any], paths: list[Path],
                   more: Mapping[str, Any]) -> Path:
    """
    Write what :func:`find_nano` reads.

    :param network: options of the network.
    :param paths: of the files, in ``folder``.
    :param more: anything else that is worth to be kept.
    """
    described = {}
    for path in paths:
        data = path.read_bytes()
        described[path.name] = {'sha256': hashlib.sha256(data).hexdigest(), 'bytes': len(data)}
    target = folder / MANIFEST
    target.write_text(json.dumps({'format': FORMAT, **more, 'network': dict(network),
                                  'files': described}, indent=2) + '\n', encoding='utf-8')
    return target
