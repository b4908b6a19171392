"""
Find out where matchers stop working: rain, fog, night, blur, noise, JPEG, low resolution, style.

Every pair is damaged at graded strength and matched again; the truth stays. The page shows the
curves, the folder keeps the numbers of each damage, so a second run goes on where the first was.
"""
import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from .ablation import ablated_contenders, add_ablation
from .dataset_options import add_dataset, choose_samples
from .evaluate import announce, make_contenders
from .network_options import MATCHER_HELP, MATCHERS, add_networks, check_matchers, network_options
from .options import add_disparity_range, check_out, positive, versions
from .progress import Progress, progress

if TYPE_CHECKING:
    from ..data.sample import Sample
    from ..evaluation.robustness.probe import Finding, ProbePlan

SUMMARY = 'measure matchers on damaged images: rain, fog, night, blur, noise ...'
EXAMPLES = """\
panmatch probe ~/datasets/middlebury --matcher nano --matcher classical --out out/probe
                                # all corruptions, strengths 1 to 5; curves in probe.html
panmatch probe cones --corruption fog --corruption rain --strengths 1,3,5
                                # two of them, three strengths, one pair
panmatch probe ~/datasets/kitti2015 --limit 20 --corruption night --images second --out out/night
                                # night in image 1 only: day is matched to night
"""
# As evaluation.corruptions.registry, which is heavy to import; a test compares the two.
CORRUPTIONS = ('rain', 'fog', 'night', 'motion-blur', 'defocus', 'noise', 'jpeg',
               'low-resolution', 'posterise', 'painting', 'recolour')
PAGE, RESULTS, TABLE, SCORES = 'probe.html', 'probe.json', 'probe.csv', 'scores'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('folder', type=Path, metavar='DIR',
                        help='a dataset in its official layout, a pair, or a folder of such')
    parser.add_argument('--matcher', choices=MATCHERS, action='append', dest='matchers',
                        help=f'what to measure; may be given several times. {MATCHER_HELP}')
    parser.add_argument('--corruption', choices=CORRUPTIONS, action='append', dest='corruptions',
                        metavar='NAME',
                        help=f'may be given several times: {", ".join(CORRUPTIONS)}; default is '
                             'all')
    parser.add_argument('--strengths', type=strengths, default=(1.0, 2.0, 3.0, 4.0, 5.0),
                        metavar='S,S,...', help='strengths above 0, up to 5; default 1,2,3,4,5')
    parser.add_argument('--images', choices=('both', 'second'), default='both',
                        help='which images of a pair are damaged (default both)')
    parser.add_argument('--seed', type=int, default=0, metavar='N',
                        help='of rain, noise and other choices (default 0)')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help=f'folder for {PAGE} (one file, with pictures), {RESULTS}, {TABLE} '
                             f'and {SCORES}; made if it does not exist')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace page and results if they are there')
    parser.add_argument('--fresh', action='store_true',
                        help=f'measure everything again, whatever is in {SCORES}')
    add_ablation(parser)
    add_dataset(parser)
    add_disparity_range(parser)
    add_networks(parser)


def strengths(text: str) -> tuple[float, ...]:
    """
    Read numbers like ``1,3,5``.

    :raises ArgumentTypeError: if one is not positive.
    """
    return tuple(positive(part) for part in text.split(','))


def run(args: argparse.Namespace) -> int:
    """
    Measure all matchers with all damages.

    :returns: 1 if a pair failed, else 0.
    :raises PanMatchError: if there are no pairs or an option cannot be used.
    """
    from ..evaluation.robustness.probe import ProbePlan, run_probe
    names = list(dict.fromkeys(args.matchers or ['auto']))
    plan = ProbePlan(tuple(args.corruptions or CORRUPTIONS), args.strengths, args.images,
                     args.seed)
    check_out(args.out, (PAGE, RESULTS, TABLE), args.overwrite)
    check_matchers(names, args)
    chosen = choose_samples(args)
    announce(chosen, args.task, 'probe')
    contenders = make_contenders(names, args) + ablated_contenders(names, args)
    store = args.out / SCORES if args.out else None
    with progress('probe', len(plan.damages()), 'damages') as shown:
        findings = run_probe(chosen.samples, contenders, plan, store,
                             report=lambda finding: told(finding, shown), fresh=args.fresh)
    return conclude(findings, plan, chosen.samples, args)


def conclude(findings: 'Sequence[Finding]', plan: 'ProbePlan', samples: 'Sequence[Sample]',
             args: argparse.Namespace) -> int:
    """
    Print the tables, and write the page and the numbers.

    :returns: 1 if a pair failed, else 0.
    """
    from ..evaluation.robustness.curves import conditions_of
    from .probe_report import describe_conditions
    print(describe_conditions(conditions_of(findings)))
    if args.out:
        write_results(findings, plan, samples, args)
    failed = sum(bool(score.error) for finding in findings for score in finding.scores)
    if failed:
        note(f'error: {failed} failed, see above')
    return 1 if failed else 0


def write_results(findings: 'Sequence[Finding]', plan: 'ProbePlan',
                  samples: 'Sequence[Sample]', args: argparse.Namespace) -> None:
    """Write the numbers and the page, and say where they are."""
    from ..evaluation.results import csv_of
    from ..evaluation.robustness.curves import conditions_of, probe_results, robustness_of
    from ..evaluation.robustness.probe import paint_damages
    from ..evaluation.robustness.probe_page import probe_page
    conditions = conditions_of(findings)
    results = {'folder': str(args.folder), 'options': options(args), 'versions': versions(),
               **probe_results(findings)}
    lead = (f'{len(samples)} pair{"" if len(samples) == 1 else "s"}; '
            f'{", ".join(dict.fromkeys(each.matcher for each in conditions))}; damage in '
            f'{"both images" if plan.images == "both" else "image 1 only"}')
    page = probe_page(f'panmatch probe {args.folder}', lead, conditions,
                      robustness_of(conditions), paint_damages(samples[0], plan))
    texts = {RESULTS: json.dumps(results, indent=2, allow_nan=False) + '\n',
             TABLE: csv_of(results['conditions']), PAGE: page}
    args.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (args.out / name).write_text(text, encoding='utf-8')
        print(args.out / name)


def told(finding: 'Finding', shown: Progress) -> None:
    """Tell the user that a damage is done, and what failed."""
    damage = finding.damage
    name = f'{damage.corruption} {damage.strength:g}' if damage.strength else 'no damage'
    shown.step(name + (' (kept)' if finding.is_reused else ''))
    for score in finding.scores:
        if score.error:
            shown.note(f'{score.pair} {score.task} {score.matcher}, {name}: failed: '
                       f'{" ".join(score.error.split())}')


def options(args: argparse.Namespace) -> dict[str, Any]:
    """Options as they were used."""
    return {'matchers': args.matchers or ['auto'], 'ablation': args.ablation or [],
            'corruptions': args.corruptions or list(CORRUPTIONS),
            'strengths': list(args.strengths), 'images': args.images, 'seed': args.seed,
            'task': args.task, 'limit': args.limit, 'min_disparity': args.min_disparity,
            'max_disparity': args.max_disparity, **network_options(args)}


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch probe: {text}', file=sys.stderr)
