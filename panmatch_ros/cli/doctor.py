"""Print what is installed, whether it works, and what to do about what is missing."""
import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
import dataclasses
import json

from .doctor_probe import MISSING, OK, WARNING, Check

SUMMARY = 'say what is installed and what to do about what is missing'
EXAMPLES = """\
panmatch doctor                 # one line each, and what to do
panmatch doctor --json          # the same for a program or a bug report
"""
MARKS = {OK: '[ok]     ', WARNING: '[warning]', MISSING: '[missing]'}
ESSENTIAL = frozenset({'NumPy', 'OpenCV', 'matcher'})
WORKERS = 4  # checks wait for other processes most of the time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args: argparse.Namespace) -> int:
    """
    Run all checks and print them.

    :returns: 0 if what is essential (NumPy, OpenCV, a matcher) works, else 1.
    """
    from . import doctor_engines, doctor_optional, doctor_ros, doctor_system
    checks = run_checks([*doctor_system.CHECKS, *doctor_ros.CHECKS, *doctor_optional.CHECKS,
                         *doctor_engines.CHECKS])
    broken = [check.name for check in checks
              if check.name in ESSENTIAL and check.status == MISSING]
    if args.json:
        print(json.dumps({'ok': not broken,
                          'checks': [dataclasses.asdict(check) for check in checks]}, indent=2))
    else:
        print_checks(checks)
        print()
        print('essential and not working: ' + ', '.join(broken) if broken
              else 'everything essential works')
    return 1 if broken else 0


def run_checks(functions: Sequence[Callable[[], Check]]) -> list[Check]:
    """Run checks at the same time; the results are in the order of the functions."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run_check, functions))


def run_check(function: Callable[[], Check]) -> Check:
    """Run a check; one that fails itself is reported like something missing."""
    try:
        return function()
    except Exception as error:  # the others are still worth printing
        name = function.__name__.removeprefix('check_').replace('_', ' ')
        return Check(name, MISSING, f'the check failed: {type(error).__name__}: {error}',
                     'please report this')


def print_checks(checks: Sequence[Check]) -> None:
    """Print a line for each check and the advice below it."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f'{MARKS[check.status]} {check.name:<{width}}  {check.detail}')
        if check.advice:
            print(f'{"":{len(MARKS[OK]) + 1}}{"":{width}}  -> {check.advice}')
