"""The page that the demo writes."""
from collections.abc import Iterable, Iterator, Mapping, Sequence
import html
from pathlib import Path

import numpy as np

from ..core.image import to_rgb
from ..data.images import write_image
from ..evaluation.report.style import html_page
from ..viz.flow import flow_legend
from ..viz.panels import tile_panels
from ..viz.point_cloud import render_point_cloud
from ..viz.scalar import (
    confidence_to_color,
    depth_to_color,
    disparity_to_color,
    error_to_color,
)
from ..viz.scene_flow import scene_flow_to_color
from .demo_checks import Check, raw_disparity
from .demo_inputs import DemoInputs
from .demo_processes import NODE_MATCHER, Record

PICTURES_STYLE = """
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr));
            gap: 1rem; }
"""
OVERVIEW = ('left', 'disparity', 'points2', 'confidence', 'image', 'flow', 'matches', 'sequence',
            'scene_flow')
SEQUENCE = 'rendered stereo camera in motion'
COUNTERS = ('matcher', 'backend', 'input_size', 'rate_hz', 'inference_ms', 'total_ms',
            'frames_received', 'frames_processed', 'frames_dropped', 'frames_late',
            'frames_rejected', 'sync_failures')


def write_page(out: Path, inputs: DemoInputs, records: Sequence[Record],
               checks: Sequence[Check], comparison: str = '') -> Path:
    """
    Write index.html, its pictures, and overview.png with the most telling of them.

    :param comparison: section of the page that compares matchers, HTML.
    :returns: path of the page.
    """
    figures, overview = [], []
    for name, caption, picture in _pictures(inputs, records):
        write_image(out / f'{name}.png', picture)
        if name in OVERVIEW:
            overview.append((caption.split(':')[0], picture))
        text = html.escape(caption)
        figures.append(f'<figure><a href="{name}.png"><img src="{name}.png" alt="{text}"></a>'
                       f'<figcaption>{text}</figcaption></figure>')
    if overview:
        write_image(out / 'overview.png', tile_panels(overview, columns=3, width=1200))
    passed = all(check.passed for check in checks)
    verdict = ('<span class="ok">all checks passed</span>' if passed
               else '<span class="failed">some checks failed</span>')
    body = f"""<p>{verdict}.</p>
<p>{" ".join(_matcher_used(record) for record in records)}</p>
<h2>Outputs</h2>
<div class="pictures">
{chr(10).join(figures)}
</div>
{comparison}
<h2>Checks</h2>
{_table(('check', 'result', 'numbers'), (_check_row(check) for check in checks))}
<h2>Rates and latencies</h2>
<p>Latency is from the stamp of the input to the arrival in another process.</p>
{_table(('node', 'topic', 'messages', 'Hz', 'median ms', '95 % ms'), _rate_rows(records), 2)}
<h2>Counters of the nodes</h2>
{_table(('counter', *(f'{record.task}_node' for record in records)), _counter_rows(records), 1)}"""
    path = out / 'index.html'
    path.write_text(html_page('panmatch_ros demo', 'Published by live ROS 2 nodes from '
                              f'{inputs.origin}.', body, PICTURES_STYLE))
    return path


def _matcher_used(record: Record) -> str:
    """Say in a sentence what computed."""
    matcher = record.report.get('matcher', 'a matcher that it did not tell')
    backend = record.report.get('backend', '')
    chosen = f'<b>{html.escape(matcher)}</b>' + (f' ({html.escape(backend)})' if backend else '')
    return (f'The {record.task}_node ran the matcher {NODE_MATCHER}, which took {chosen} for '
            f'{record.task}.')


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int = 99) -> str:
    """Make a table of ready-made cells; columns from ``numbers_from`` on are right-aligned."""
    def cells(tag: str, row: Sequence[str]) -> str:
        return ''.join(
            f'<{tag}{" class=number" if index >= numbers_from else ""}>{cell}</{tag}>'
            for index, cell in enumerate(row))
    body = '\n'.join(f'<tr>{cells("td", row)}</tr>' for row in rows)
    return f'<table>\n<tr>{cells("th", head)}</tr>\n{body}\n</table>'


def _check_row(check: Check) -> tuple[str, str, str]:
    result = ('<span class="ok">passed</span>' if check.passed
              else '<span class="failed">failed</span>')
    return html.escape(check.name), result, html.escape(check.detail)


def _rate_rows(records: Sequence[Record]) -> Iterable[tuple[str, ...]]:
    for record in records:
        for topic, rates in record.topics.items():
            yield (record.task, html.escape(topic), _number(rates, 'count', 0),
                   *(_number(rates, key, 1)
                     for key in ('rate_hz', 'latency_median_ms', 'latency_p95_ms')))


def _number(rates: Mapping[str, float], key: str, digits: int) -> str:
    return f'{rates[key]:.{digits}f}' if key in rates else '–'


def _counter_rows(records: Sequence[Record]) -> Iterable[tuple[str, ...]]:
    for counter in COUNTERS:
        yield (counter, *(html.escape(record.report.get(counter, '–')) for record in records))


def _pictures(inputs: DemoInputs,
              records: Sequence[Record]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Give file name, caption and (H, W, 3) uint8 RGB picture of everything recorded."""
    of_task = {record.task: record for record in records}
    yield from _stereo_pictures(inputs, of_task['stereo'])
    yield from _flow_pictures(of_task['flow'])
    yield from _match_pictures(of_task['match'])
    yield from _perception_pictures(of_task['perception'])


def _stereo_pictures(inputs: DemoInputs,
                     record: Record) -> Iterator[tuple[str, str, np.ndarray]]:
    stereo = record.arrays
    if 'left/image_rect' in stereo:
        yield 'left', 'left/image_rect: what the camera sees', stereo['left/image_rect']
    if 'disparity' in stereo:
        yield 'disparity', 'disparity', disparity_to_color(stereo['disparity'])
        error = np.abs(raw_disparity(inputs, record) - inputs.disparity_truth)
        yield ('disparity_error', 'disparity error against ground truth, 0 to 4 px (black: no '
               'value)', error_to_color(error, 4.0))
    if 'depth' in stereo:
        yield 'depth', 'depth: near is warm', depth_to_color(stereo['depth'])
    if 'confidence' in stereo:
        yield 'confidence', 'confidence', confidence_to_color(stereo['confidence'])
    if 'points2.rgb' in stereo:
        yield 'points2', 'points2, seen from the side', render_point_cloud(
            stereo['points2'], stereo['points2.rgb'])


def _flow_pictures(record: Record) -> Iterator[tuple[str, str, np.ndarray]]:
    flow = record.arrays
    if 'image' in flow:
        yield 'image', 'image: newest frame', flow['image']
    if 'flow/image_color' in flow:
        picture = flow['flow/image_color'].copy()
        legend = flow_legend(min(96, *picture.shape[:2]))
        corner = picture[-len(legend):, -len(legend):]
        np.copyto(corner, legend, where=legend.any(axis=2, keepdims=True))  # the disc alone
        yield 'flow', 'flow/image_color: colour is direction, saturation is speed', picture
    if 'flow/confidence' in flow:
        yield 'flow_confidence', 'flow/confidence', confidence_to_color(flow['flow/confidence'])


def _match_pictures(record: Record) -> Iterator[tuple[str, str, np.ndarray]]:
    if 'matches/image_color' in record.arrays:
        yield ('matches', 'matches/image_color: left and right image, lines by confidence',
               record.arrays['matches/image_color'])


def _perception_pictures(record: Record) -> Iterator[tuple[str, str, np.ndarray]]:
    arrays = record.arrays
    if not {'left/image_rect', 'scene_flow.velocity'} <= set(arrays):
        return
    left = arrays['left/image_rect']
    yield 'sequence', f'left/image_rect of perception_node: {SEQUENCE}', left
    yield ('scene_flow', 'scene_flow: hue is the direction of motion seen from above, dark is '
           'unknown', scene_flow_to_color(left, arrays['scene_flow.velocity']))
    if 'moving' in arrays:
        yield 'moving', 'moving: what surely moves in the world', to_rgb(arrays['moving'])
