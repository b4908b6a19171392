"""
Datasets in their official layouts, opened by name or by a look at the folder.

``open_dataset`` lists the pairs of a dataset as :class:`~..sample.Sample`; images and truth are
read when they are needed. ``guess_dataset`` tells which dataset a folder holds.
"""
from collections.abc import Mapping
from pathlib import Path

from ...core.errors import ConfigError
from ..sample import Sample
from .description import Dataset, Option, subfolders, wrong_layout
from .eth3d import ETH3D
from .flying import FLYING_CHAIRS, FLYING_THINGS
from .folder import FOLDER
from .hpatches import HPATCHES
from .kitti import KITTI_2012, KITTI_2015
from .middlebury import MIDDLEBURY
from .pose_pairs import MEGADEPTH_1500, SCANNET_1500
from .sintel import SINTEL
from .spring import SPRING
from .tartanair import TARTANAIR
from .vkitti2 import VKITTI2
from .wxbs import WXBS

__all__ = ['DATASETS', 'Dataset', 'Option', 'guess_dataset', 'open_dataset']

# In the order in which a folder is compared with them.
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in (
    KITTI_2015, KITTI_2012, MIDDLEBURY, ETH3D, SINTEL, SPRING, FLYING_CHAIRS, FLYING_THINGS,
    VKITTI2, TARTANAIR, SCANNET_1500, MEGADEPTH_1500, HPATCHES, WXBS, FOLDER)}


def open_dataset(name: str, folder: Path,
                 options: Mapping[str, str] | None = None) -> list[Sample]:
    """
    List the pairs of a dataset.

    :param name: key of ``DATASETS``.
    :param folder: the top folder of its official layout.
    :param options: choices among its parts by name, see ``DATASETS[name].options``; what is not
        given has its default.
    :returns: at least one sample; the order is always the same, and names are unique.
    :raises ConfigError: if there is no such dataset, option or folder, or the folder is not in
        the layout of the dataset; the text says what was expected and found.
    """
    if name not in DATASETS:
        raise ConfigError(f'there is no dataset {name!r}; known are {", ".join(DATASETS)}')
    dataset = DATASETS[name]
    complete = dataset.complete(options or {})
    if dataset is not FOLDER and not _fits(dataset, folder):
        raise wrong_layout(folder, f'{dataset.title} as {dataset.layout}',
                           _advice(dataset, folder))
    try:
        samples = dataset.open(folder, complete)
    except OSError as error:
        raise ConfigError(f'{error.filename or folder}: cannot be read: {error.strerror}'
                          ) from None
    if not samples:
        chosen = ', '.join(f'{key}={value}' for key, value in complete.items() if value)
        raise ConfigError(f'{folder}: there is no pair of {dataset.title} with {chosen}; choose '
                          'another part, or unpack it completely')
    return samples


def guess_dataset(folder: Path) -> str:
    """
    Tell which dataset a folder holds, by the names in it.

    :returns: key of ``DATASETS``; ``folder`` if it is none of the others.
    """
    return next(name for name, dataset in DATASETS.items()
                if dataset is FOLDER or _fits(dataset, folder))


def _fits(dataset: Dataset, folder: Path) -> bool:
    try:
        return dataset.fits(folder)
    except OSError:  # a folder that this user may not read
        return False


def _advice(dataset: Dataset, folder: Path) -> str:
    """Say what to do about a folder that does not fit."""
    try:
        inside = subfolders(folder)
    except OSError:
        inside = []
    near = next((each for each in (folder.absolute().parent, *inside)
                 if _fits(dataset, each)), None)
    if near is not None:
        return f'name {near} instead'
    guess = guess_dataset(folder)
    if guess != FOLDER.name:
        return f'this looks like {guess}'
    return f'unpack the dataset there ({dataset.site}), or name another folder'
