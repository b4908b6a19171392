"""
Run the nodes on real images, and write a page with what they published.

Plays sample images as camera topics, starts the stereo and the flow node as processes of their
own, then the match and the perception node, records what they publish, checks it, and writes
index.html with pictures, frame rates, latencies and drops. The perception node sees a rendered
stereo sequence in any case, since it needs motion. The demo ends in the report of an evaluation,
comparison/report.html: the matchers nano and classical side by side on every pair. The images come
from Debian's package opencv-doc; without a network a rendered scene with exact ground truth takes
their place.
"""
import argparse
from pathlib import Path
import sys

SUMMARY = 'run the nodes on real images and write a page with the results'
EXAMPLES = """\
panmatch demo                           # writes out/demo/index.html
panmatch demo --offline                 # rendered images with exact ground truth
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--out', type=Path, default=Path('out/demo'), metavar='DIR',
                        help='folder of the results (default out/demo); files of an earlier '
                             'demo are replaced')
    parser.add_argument('--offline', action='store_true',
                        help='use the rendered images even if real ones can be had')
    parser.add_argument('--frames', type=int, default=20, metavar='N',
                        help='frames to record of each output (default 20; of the match and '
                             'perception node at most 5)')
    parser.add_argument('--timeout', type=float, default=90.0, metavar='S',
                        help='give up after this many seconds (default 90)')


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 if all checks passed."""
    from .demo_checks import check_all, check_comparison
    from .demo_comparison import compare_matchers
    from .demo_inputs import prepare_inputs
    from .demo_page import write_page
    from .demo_processes import record_nodes, require_ros

    require_ros()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    inputs = prepare_inputs(out / 'input', args.offline, _say)
    _say(f'input: {inputs.origin}')
    _say('starting stereo_node and flow_node, then match_node and perception_node, each with a '
         'player and a recorder')
    records = record_nodes(inputs, out, args.frames, args.timeout)
    checks = check_all(inputs, records)
    for name, topics in ((record.task, record.topics) for record in records):
        for topic, rates in topics.items():
            _say(f'{name}: {topic:20} {rates.get("count", 0):4.0f} messages '
                 f'{rates.get("rate_hz", 0):5.1f} Hz, latency median '
                 f'{rates.get("latency_median_ms", float("nan")):6.1f} ms')
    _say('comparing the matchers on every pair')
    comparison = compare_matchers(inputs.pairs, out, _say)
    checks.append(check_comparison(comparison.scores))
    for check in checks:
        _say(f'{"ok    " if check.passed else "FAILED"} {check.name}: {check.detail}')
    page = write_page(out, inputs, records, checks, comparison.html)
    passed = all(check.passed for check in checks)
    _say(f'{"all checks passed" if passed else "some checks FAILED"}; open {page}')
    _say(f'the matchers side by side: {comparison.report}')
    return 0 if passed else 1


def _say(text: str) -> None:
    print(f'[demo] {text}', file=sys.stdout, flush=True)
