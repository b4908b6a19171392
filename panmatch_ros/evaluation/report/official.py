"""Tables of the numbers that benchmarks count in their own way."""
from collections.abc import Mapping, Sequence
import html
from typing import Any

from ...core.errors import FormatError
from .tables import table

MISSING = '–'
NOTE = """<p class="note">As the benchmark of the dataset counts: KITTI, Sintel and Spring pool the
pixels of all pairs, where the other tables give each pair the same weight; Middlebury and ETH3D
average over images. A pixel without a result is a bad one, where the development kits may fill
it first. To be compared with a public table, every pair of a split must have a result.</p>"""


def official_tables(results: Mapping[str, Any]) -> list[list[list[str]]]:
    """
    Arrange the numbers of each dataset and task as rows of texts, the head first.

    :param results: ``results.json``; one of an older version has none.
    :raises FormatError: if it is damaged.
    """
    try:
        groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for line in results.get('official', []):
            groups.setdefault((line['dataset'], line['task']), []).append(line)
        return [_rows(f'{dataset} {task}', lines) for (dataset, task), lines in groups.items()]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError('the official numbers are damaged: '
                          f'{type(error).__name__} {error}') from None


def official_section(results: Mapping[str, Any]) -> str:
    """
    Write the tables for the page; empty if no dataset has a benchmark.

    :param results: ``results.json``.
    :raises FormatError: if it is damaged.
    """
    tables = official_tables(results)
    if not tables:
        return ''
    return '\n'.join(['<h2>As the benchmarks count</h2>', *map(_html, tables), NOTE])


def _rows(name: str, lines: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    titles = list(dict.fromkeys(title for line in lines for title in line['numbers']))
    return [[name, 'pairs', *titles],
            *([line['matcher'], f'{line["pairs"]} of {line["total"]}',
               *(_number(line['numbers'].get(title), title) for title in titles)]
              for line in lines)]


def _number(value: float | None, title: str) -> str:
    if value is None:
        return MISSING
    return f'{value:.2f}' if '%' in title else f'{value:.3f}'


def _html(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    titles = f'<th>{html.escape(head[0])}</th>' + ''.join(
        f'<th class="number">{html.escape(title)}</th>' for title in head[1:])
    return table(titles, [
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + ''.join(f'<td class="number">{html.escape(cell)}</td>' for cell in row[1:]) + '</tr>'
        for row in body])
