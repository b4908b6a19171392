"""The PanMatch network with a part replaced, beside the whole one."""
import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from .network_options import for_one_of, is_panmatch, matcher_options

if TYPE_CHECKING:
    from ..evaluation.contender import Contender

ABLATIONS = ('bilinear',)


def add_ablation(parser: argparse.ArgumentParser) -> None:
    """Add what is measured beside the whole network."""
    parser.add_argument('--ablation', choices=ABLATIONS, action='append', default=None,
                        help='PanMatch: also measure the network with a part replaced; bilinear: '
                             'the guided upsampling of the features, see docs/experiments.md')


def ablated_contenders(names: Sequence[str], args: argparse.Namespace) -> 'list[Contender]':
    """
    Make the PanMatch networks among the matchers once more, without a part.

    :param names: of the matchers.
    :param args: with ``ablation``, and as for :func:`~.network_options.matcher_options`.
    :returns: none if no ablation is asked for.
    :raises ConfigError: if no matcher is a PanMatch network.
    :raises PanMatchError: if the weights cannot be used.
    """
    wanted = list(dict.fromkeys(args.ablation or []))
    whole = [name for name in names if is_panmatch(name, args)]
    if wanted and not whole:
        raise ConfigError(f'--ablation {wanted[0]} is for the PanMatch network, and the '
                          f'{"matchers are" if len(names) > 1 else "matcher is"} '
                          f'{", ".join(names)}; add --matcher panmatch --weights FILE')
    return [_without(name, ablation, for_one_of(names, name, args))
            for ablation in wanted for name in whole]


def _without(name: str, ablation: str, args: argparse.Namespace) -> 'Contender':
    from ..evaluation.contender import make_contender
    options = matcher_options(name, args)
    changed = replace(options, panmatch=replace(options.panmatch, upsampling=ablation))
    return replace(make_contender(name, changed), name=f'{name}-{ablation}')
