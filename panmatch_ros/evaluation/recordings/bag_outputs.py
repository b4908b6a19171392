"""Write what a matcher made of a bag: a new bag, and files for each frame."""
from pathlib import Path
import shutil

import numpy as np

from ...core.errors import ConfigError
from ...data.bags.writer import BagWriter
from ...data.images import write_image
from ...viz.flow import flow_to_color
from ...viz.scalar import disparity_to_color
from .bag_matching import PREFIX, Matched

BAG, FILES = 'outputs', 'frames'  # folders of a run
SAVES = ('both', 'bag', 'files', 'none')


class BagOutputs:
    """
    The outputs of a run; closed, or left with ``with``, they are complete.

    :param folder: of the run.
    :param save: one of ``SAVES``.
    :param storage: of the new bag, ``mcap`` or ``sqlite3``.
    """

    def __init__(self, folder: Path, save: str, storage: str = 'mcap') -> None:
        if save not in SAVES:
            raise ConfigError(f'save must be one of {", ".join(SAVES)}, got {save!r}')
        self._bag = BagWriter(folder / BAG, storage) if save in ('both', 'bag') else None
        self._files = folder / FILES if save in ('both', 'files') else None
        if self._files is not None:
            self._files.mkdir()

    def __enter__(self) -> 'BagOutputs':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, matched: Matched, log_ns: int) -> None:
        """
        Write the outputs of a frame.

        :param matched: the frame.
        :param log_ns: when its last input was recorded, nanoseconds.
        """
        if self._bag is not None:
            for name, message in matched.messages.items():
                self._bag.write(f'{PREFIX}/{name}', message, log_ns)
        if self._files is None:
            return
        frame = matched.frame
        stem = f'{frame.stamp_ns}' + (f'_run{frame.run}' if frame.run else '')
        np.savez(self._files / f'{stem}.npz', **matched.arrays)  # type: ignore[arg-type]  # stub
        if 'disparity' in matched.arrays:
            write_image(self._files / f'{stem}_disparity.png',
                        disparity_to_color(matched.arrays['disparity']))
        if 'flow' in matched.arrays:
            write_image(self._files / f'{stem}_flow.png', flow_to_color(matched.arrays['flow']))

    def close(self) -> None:
        """Complete the bag."""
        if self._bag is not None:
            self._bag.close()


def remove_outputs(folder: Path) -> None:
    """Remove the outputs of an earlier run, and nothing else."""
    bag = folder / BAG
    if (bag / 'metadata.yaml').is_file() or any(bag.glob(f'{BAG}.*')):
        shutil.rmtree(bag)
    for path in (folder / FILES).glob('*'):
        if path.name[0].isdigit() and path.suffix in ('.npz', '.png'):
            path.unlink()
    if (folder / FILES).is_dir() and not any((folder / FILES).iterdir()):
        (folder / FILES).rmdir()
