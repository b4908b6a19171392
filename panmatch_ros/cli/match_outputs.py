"""Files and summary of ``panmatch match``."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path

import numpy as np

from ..core.balanced_sampling import balanced_correspondences
from ..core.camera import Camera, StereoRig
from ..core.correspondence import correspondences_from_displacement
from ..core.disparity import depth_from_disparity, points_from_depth
from ..core.errors import ConfigError
from ..core.image import to_rgb
from ..core.types import Disparity, Displacement
from ..data.formats import write_flo, write_image, write_pfm, write_ply
from ..viz.flow import flow_to_color
from ..viz.matches import draw_matches
from ..viz.point_cloud import render_point_cloud
from ..viz.scalar import confidence_to_color, depth_to_color, disparity_to_color
from .options import versions

SUMMARY = 'summary.json'
RESULTS = frozenset({
    'disparity.npy', 'disparity.pfm', 'disparity.png', 'depth.npy', 'depth.png', 'cloud.ply',
    'cloud.png', 'pose.json', 'flow.npy', 'flow.flo', 'flow.png', 'matches.npz', 'matches.png',
    'confidence.npy', 'confidence.png'})


@dataclass
class Outputs:
    """
    What is written for one pair.

    :param writers: for each file name a function that writes it to a path.
    :param summary: what ``summary.json`` says, besides file names and versions.
    """

    writers: dict[str, Callable[[Path], object]] = field(default_factory=dict)
    summary: dict = field(default_factory=dict)

    def names(self) -> list[str]:
        """List the files, the summary last."""
        return [*self.writers, SUMMARY]

    def add_image(self, name: str, values: np.ndarray, picture: np.ndarray) -> None:
        """Write an array as .npy and its picture as .png."""
        self.writers[f'{name}.npy'] = lambda path: np.save(path, values)
        self.writers[f'{name}.png'] = lambda path: write_image(path, picture)

    def write(self, folder: Path) -> None:
        """
        Write all files; those that an earlier run wrote and this one does not are removed.

        :param folder: exists.
        """
        for name in earlier_results(folder):
            if name not in self.writers:
                (folder / name).unlink(missing_ok=True)
        for name, write in self.writers.items():
            write(folder / name)
        summary = {**self.summary, 'files': self.names(), 'versions': versions()}
        text = json.dumps(summary, indent=2, allow_nan=False)
        (folder / SUMMARY).write_text(text + '\n')

    def describe(self) -> str:
        """Tell the main numbers in a few lines."""
        summary = self.summary
        lines = [f'{summary["task"]} with {summary["matcher"]} ({summary["backend"]}), '
                 f'{summary["width"]}x{summary["height"]}: {summary["milliseconds"]:.0f} ms, '
                 f'{100 * summary["valid_share"]:.1f} % of the pixels valid']
        if 'matches' in summary:
            lines.append(f'{summary["matches"]} matches')
        for name, values in summary['values'].items():
            if values['median'] is not None:
                lines.append(f'{name}: median {values["median"]:.4g}, from {values["min"]:.4g} '
                             f'to {values["max"]:.4g}')
        return '\n'.join(lines)


def stereo_outputs(result: Disparity, left: np.ndarray, rig: StereoRig | None,
                   min_confidence: float) -> Outputs:
    """
    Collect disparity, and with a rig depth and point cloud.

    :param result: what the matcher found.
    :param left: left image, any accepted form.
    :param rig: of the size of the image; None if not calibrated.
    :param min_confidence: pixels below become invalid.
    """
    disparity = keep_confident(result.disparity, result.confidence, min_confidence)
    outputs = Outputs(summary=quality(np.isfinite(disparity), result.confidence))
    values = outputs.summary['values'] = {'disparity_px': spread(disparity)}
    outputs.add_image('disparity', disparity, disparity_to_color(disparity))
    outputs.writers['disparity.pfm'] = lambda path: write_pfm(path, disparity)
    if rig is not None:
        depth = depth_from_disparity(disparity, rig)
        values['depth_m'] = spread(depth)
        outputs.summary |= {'focal_px': rig.focal_px, 'baseline_m': rig.baseline_m}
        add_depth(outputs, depth, rig.left, to_rgb(left))
    outputs.add_image('confidence', result.confidence, confidence_to_color(result.confidence))
    return outputs


def add_depth(outputs: Outputs, depth: np.ndarray, camera: Camera, colors: np.ndarray) -> None:
    """
    Add a depth image and its point cloud.

    :param depth: (H, W) float32; NaN is invalid.
    :param camera: of the size of the depth image.
    :param colors: (H, W, 3) uint8 RGB.
    """
    points, known = points_from_depth(depth, camera), np.isfinite(depth)
    outputs.summary['points'] = int(np.count_nonzero(known))
    outputs.add_image('depth', depth, depth_to_color(depth))
    outputs.writers['cloud.ply'] = lambda path: write_ply(path, points[known], colors[known])
    outputs.writers['cloud.png'] = lambda path: write_image(
        path, render_point_cloud(points, colors))


def flow_outputs(result: Displacement, min_confidence: float) -> Outputs:
    """
    Collect a flow field.

    :param result: what the matcher found.
    :param min_confidence: pixels below become invalid.
    """
    flow = keep_confident(result.flow, result.confidence, min_confidence)
    outputs = Outputs(summary=quality(np.isfinite(flow).all(axis=2), result.confidence))
    outputs.summary['values'] = {'flow_x_px': spread(flow[..., 0]),
                                 'flow_y_px': spread(flow[..., 1]),
                                 'flow_length_px': spread(np.hypot(flow[..., 0], flow[..., 1]))}
    outputs.add_image('flow', flow, flow_to_color(flow))
    outputs.writers['flow.flo'] = lambda path: write_flo(path, flow)
    outputs.add_image('confidence', result.confidence, confidence_to_color(result.confidence))
    return outputs


def match_outputs(result: Displacement, images: tuple[np.ndarray, np.ndarray],
                  min_confidence: float, max_matches: int, sampling: str) -> Outputs:
    """
    Collect sparse matches.

    :param result: what the matcher found.
    :param images: the two images, any accepted form.
    :param min_confidence: no match below.
    :param max_matches: at most so many.
    :param sampling: 'grid' or 'balanced'.
    """
    sample = (balanced_correspondences if sampling == 'balanced'
              else correspondences_from_displacement)
    found = sample(result, min_confidence=min_confidence, max_matches=max_matches)
    outputs = Outputs(summary=quality(result.valid, result.confidence))
    moved = found.points1 - found.points0
    outputs.summary |= {'matches': len(found), 'values': {
        'score': spread(found.scores),
        'length_px': spread(np.hypot(moved[:, 0], moved[:, 1]))}}
    outputs.writers['matches.npz'] = lambda path: np.savez(
        path, points0=found.points0, points1=found.points1, scores=found.scores)
    outputs.writers['matches.png'] = lambda path: write_image(path, draw_matches(*images, found))
    outputs.add_image('confidence', result.confidence, confidence_to_color(result.confidence))
    return outputs


def keep_confident(values: np.ndarray, confidence: np.ndarray,
                   min_confidence: float) -> np.ndarray:
    """
    Make values invalid whose confidence is too low.

    :param values: (H, W) or (H, W, C) float32.
    :param confidence: (H, W) float32.
    :param min_confidence: 0 keeps all.
    :returns: as ``values``; NaN where ``confidence < min_confidence``.
    """
    if min_confidence <= 0:
        return values
    kept = values.copy()
    kept[~(confidence >= min_confidence)] = np.nan
    return kept


def quality(valid: np.ndarray, confidence: np.ndarray) -> dict:
    """Share of valid pixels, and their mean confidence (None if there are none)."""
    return {'valid_share': float(valid.mean()),
            'mean_confidence': float(confidence[valid].mean()) if valid.any() else None}


def spread(values: np.ndarray) -> dict[str, float | None]:
    """Minimum, median and maximum of the finite values; None if there are none."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        return {'min': None, 'median': None, 'max': None}
    return {'min': float(known.min()), 'median': float(np.median(known)),
            'max': float(known.max())}


def prepare_folder(folder: Path, overwrite: bool, inputs: Sequence[Path]) -> None:
    """
    Make the folder of the results, or check that it may be written to.

    :param inputs: files that are read; results never go to their folder, where they might
        replace ground truth of the same name.
    :raises ConfigError: if it is a file, holds an input, or is not empty and must not change.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f'--out {folder} is a file; name a folder')
    for path in inputs:
        if path.resolve().parent == folder.resolve():
            raise ConfigError(f'--out {folder} holds the input {path.name}; name another folder, '
                              'a new one inside it for example')
    if folder.is_dir() and not overwrite and any(folder.iterdir()):
        raise ConfigError(f'--out {folder} is not empty; name another folder, or add '
                          '--overwrite to replace earlier results in it')
    folder.mkdir(parents=True, exist_ok=True)


def earlier_results(folder: Path) -> list[str]:
    """List what an earlier run says it wrote here, only names that are ours."""
    try:
        named = json.loads((folder / SUMMARY).read_text())['files']
        return [name for name in named if name in RESULTS]
    except (OSError, ValueError, KeyError, TypeError):
        return []
