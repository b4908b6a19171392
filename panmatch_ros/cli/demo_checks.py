"""Checks of what the demo recorded: are the values right, not only there."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.disparity import camera_rays
from ..core.pixels import warp
from ..core.quaternion import rotation_from_quaternion
from ..evaluation.metrics.dense import BAD_THRESHOLDS_PX, disparity_metrics
from ..evaluation.pair_score import PairScore, matchers_of
from .demo_inputs import DemoInputs
from .demo_processes import Record

MAX_BAD2_PERCENT = 15.0
MIN_VALID_PERCENT = 50.0
SURE = 0.5  # confidence of a match that is counted
MATCH_LIMIT_PX = 2.0
MIN_RIGHT_PERCENT = 85.0     # of the matches
MAX_TURN_DEG, MAX_DIRECTION_DEG = 1.0, 5.0
MAX_VELOCITY_ERROR = 0.2     # median, share of the speed
SLOW_MPS = 0.05
MIN_FOUND_PERCENT = 60.0     # of the object that moves
MAX_FALSE_PERCENT = 5.0      # of what rests: matches are wrong along edges


@dataclass(frozen=True)
class Check:
    """One check, whether it passed, and the numbers."""

    name: str
    passed: bool
    detail: str


def check_all(inputs: DemoInputs, records: list[Record]) -> list[Check]:
    """Check all records."""
    checks: list[Check] = []
    for record in records:
        checks.append(_all_frames(record))
        checks.append(_clean_end(record))
    for record in records:
        for make in CHECKS_OF[record.task]:
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


def _matches(inputs: DemoInputs, record: Record) -> Check:
    """See whether matches of left and right are as far apart as the disparity says."""
    name = 'matches against ground truth'
    if 'correspondences' not in record.topics:
        return Check(name, True, 'not recorded: the messages of this package are not built')
    points0, points1 = (record.arrays[f'correspondences.points{index}'] for index in (0, 1))
    columns, rows = np.rint(points0).astype(int).T
    truth = inputs.disparity_truth[rows, columns]
    known = np.isfinite(truth)
    if not known.any():
        return Check(name, False, 'no match has a known disparity')
    error = np.hypot(points0[:, 0] - truth - points1[:, 0], points0[:, 1] - points1[:, 1])[known]
    right = 100 * np.mean(error <= MATCH_LIMIT_PX)
    return Check(name, bool(right >= MIN_RIGHT_PERCENT),
                 f'{right:.1f} % of {len(error)} matches are within {MATCH_LIMIT_PX:g} px (median '
                 f'error {np.median(error):.2f} px)')


def _pose(inputs: DemoInputs, record: Record) -> Check:
    """See whether the right camera stands right of the left one, and looks the same way."""
    R = rotation_from_quaternion(record.arrays['pose.orientation'])
    turn = np.degrees(np.arccos(np.clip((np.trace(R) - 1) / 2, -1, 1)))
    to_the_right = np.sign(inputs.rig.left.tx - inputs.rig.right.tx)
    sideways = to_the_right * record.arrays['pose.position'][0]
    direction = np.degrees(np.arccos(np.clip(sideways, -1, 1)))
    return Check('pose of the right camera', bool(
        turn <= MAX_TURN_DEG and direction <= MAX_DIRECTION_DEG),
        f'turned by {turn:.2f} degrees, direction {direction:.2f} degrees off')


def _scene_flow(inputs: DemoInputs, record: Record) -> Check:
    """Compare velocities with those of the rendered object; all else rests."""
    arrays, sequence = record.arrays, inputs.rig_sequence
    velocity, newer = arrays['scene_flow.velocity'], arrays['left/image_rect']
    on_object = sequence.scenes[sequence.place_of(newer)].nearest
    motion = sequence.object_motion_m(arrays['left/image_rect.before'], newer)
    truth = motion / arrays['flow.dt']
    speed = float(np.linalg.norm(truth))  # 0 if pairs were dropped while it turned back
    known = np.isfinite(velocity).all(axis=-1)
    name = 'scene flow against ground truth'
    if not (known & on_object).any() or not (known & ~on_object).any():
        return Check(name, False, 'no velocity is known')
    error = np.median(np.linalg.norm(velocity - truth, axis=-1)[known & on_object]) / max(
        speed, SLOW_MPS)
    false = 100 * np.mean(np.any(velocity != 0, axis=-1)[known & ~on_object])
    return Check(name, bool(error <= MAX_VELOCITY_ERROR and false <= MAX_FALSE_PERCENT),
                 f'the object moves at {speed:.2f} m/s, the median error is {100 * error:.0f} % '
                 f'of that; {false:.2f} % of what rests has a velocity')


def _moving(inputs: DemoInputs, record: Record) -> Check:
    moving, newer = record.arrays['moving'] > 0, record.arrays['left/image_rect']
    sequence = inputs.rig_sequence
    expected = sequence.scenes[sequence.place_of(newer)].nearest
    if not sequence.object_motion_m(record.arrays['left/image_rect.before'], newer).any():
        expected = np.zeros_like(expected)
    false = 100 * moving[~expected].mean()
    found = 100 * moving[expected].mean() if expected.any() else 100.0
    return Check('what moves is found', bool(
        found >= MIN_FOUND_PERCENT and false <= MAX_FALSE_PERCENT),
        f'{found:.0f} % of the object that moves, {false:.2f} % of what rests')


CHECKS_OF = {'stereo': (_disparity, _depth, _points), 'flow': (_flow,),
             'match': (_matches, _pose), 'perception': (_scene_flow, _moving)}
