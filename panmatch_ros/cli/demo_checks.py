"""Checks of what the demo recorded: are the values right, not only there."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.disparity import camera_rays
from ..core.pixels import warp
from ..evaluation.evaluate import PairScore, matchers_of
from ..evaluation.metrics import BAD_THRESHOLDS_PX, disparity_metrics
from .demo_inputs import DemoInputs
from .demo_processes import Record

MAX_BAD2_PERCENT = 15.0
MIN_VALID_PERCENT = 50.0
SURE = 0.5  # confidence of a match that is counted


@dataclass(frozen=True)
class Check:
    """One check, whether it passed, and the numbers."""

    name: str
    passed: bool
    detail: str


def check_all(inputs: DemoInputs, records: list[Record]) -> list[Check]:
    """Check the stereo and flow records, in this order."""
    stereo, flow = records
    checks: list[Check] = []
    for record in records:
        checks.append(_all_frames(record))
        checks.append(_clean_end(record))
    for make in (_disparity, _depth, _points, _flow):
        record = flow if make is _flow else stereo
        checks.append(_safely(make, inputs, record))
    return checks


def check_comparison(scores: Sequence[PairScore]) -> Check:
    """Check that every matcher could match every pair."""
    failed = [f'{score.pair} with {score.matcher}' for score in scores if score.error]
    pairs, matchers = {score.pair for score in scores}, matchers_of(scores)
    return Check('all pairs are matched by all matchers', bool(scores) and not failed,
                 f'failed: {", ".join(failed)}' if failed
                 else f'{len(pairs)} pairs, {" and ".join(matchers) or "no matcher"}')


def _safely(make: Callable[[DemoInputs, Record], Check], inputs: DemoInputs,
            record: Record) -> Check:
    """Turn an output that is missing into a failed check."""
    try:
        return make(inputs, record)
    except KeyError as error:
        return Check(f'{record.task} outputs', False, f'nothing recorded of {error}')


def _all_frames(record: Record) -> Check:
    counts = {topic: int(rates.get('count', 0)) for topic, rates in record.topics.items()}
    detail = ', '.join(f'{topic} {count}' for topic, count in counts.items())
    return Check(f'{record.task}: every output arrives', record.complete, detail)


def _clean_end(record: Record) -> Check:
    detail = ', '.join(f'{name} {code}' for name, code in record.exit_codes.items())
    return Check(f'{record.task}: exit codes after Ctrl-C',
                 all(code == 0 for code in record.exit_codes.values()), detail)


def raw_disparity(inputs: DemoInputs, record: Record) -> np.ndarray:
    """Undo the offset of the message: ``x_left - x_right`` in pixels."""
    return record.arrays['disparity'] + np.float32(inputs.rig.cx_offset_px)


def _disparity(inputs: DemoInputs, record: Record) -> Check:
    disparity = raw_disparity(inputs, record)
    truth = inputs.disparity_truth
    known = np.isfinite(disparity) & np.isfinite(truth)
    if not known.any():
        return Check('disparity against ground truth', False, 'no pixel is valid')
    metrics = disparity_metrics(disparity, truth, known)
    bad2 = metrics.bad_percent[BAD_THRESHOLDS_PX.index(2.0)]
    share = 100 * known.sum() / np.isfinite(truth).sum()
    return Check('disparity against ground truth',
                 bool(bad2 <= MAX_BAD2_PERCENT and share >= MIN_VALID_PERCENT),
                 f'{bad2:.1f} % of the published pixels are more than 2 px off (mean error '
                 f'{metrics.epe_px:.2f} px, {share:.0f} % of the pixels are published)')


def _depth(inputs: DemoInputs, record: Record) -> Check:
    arrays = record.arrays
    depth = arrays['depth']
    valid = np.isfinite(depth)
    if not valid.any():
        return Check('depth = f * T / disparity', False, 'no pixel is valid')
    expected = arrays['disparity.f'] * arrays['disparity.t'] / arrays['disparity'][valid]
    error = np.abs(depth[valid] / expected - 1).max()
    return Check('depth = f * T / disparity', bool(error < 1e-5),
                 f'largest relative difference {error:.1e}, median depth '
                 f'{np.median(depth[valid]):.2f} m')


def _points(inputs: DemoInputs, record: Record) -> Check:
    depth, points = record.arrays['depth'], record.arrays['points2']
    rays = camera_rays(inputs.rig.left)
    expected = np.stack([depth * rays[0], depth * rays[1], depth], axis=-1)
    same_invalid = np.array_equal(np.isnan(points), np.isnan(expected))
    error = np.nanmax(np.abs(points - expected))
    colors = np.abs(record.arrays['points2.rgb'].astype(int)
                    - record.arrays['left/image_rect']).max()
    return Check('points lie on the rays of their pixels', bool(
        same_invalid and error < 1e-3 and colors == 0),
        f'largest distance {error * 1000:.3f} mm, {np.isfinite(points[..., 2]).sum()} points, '
        'colours are those of the left image')


def _flow(inputs: DemoInputs, record: Record) -> Check:
    """
    See whether the flow brings two images together; zero flow is the comparison.

    Counted is what moves and is matched surely: what walkers hide and reveal has no match.
    """
    older, newer = record.arrays['image.before'], record.arrays['image']
    flow = record.arrays['flow']
    moving = ((np.hypot(flow[..., 0], flow[..., 1]) > 1)
              & (record.arrays['flow/confidence'] > SURE))
    if not moving.any():
        return Check('flow explains the motion', False, 'nothing moves surely')
    still = np.abs(newer.astype(np.float32) - older)[moving].mean()
    warped = warp(newer.astype(np.float32), flow)
    explained = np.nanmean(np.abs(warped - older)[moving])
    return Check('flow explains the motion', bool(explained < 0.6 * still),
                 f'where something moves, the grey levels differ by {explained:.1f} after '
                 f'warping, {still:.1f} before')
