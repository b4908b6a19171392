"""docs/datasets.md says what the registry has."""
from pathlib import Path
import re

import pytest

from panmatch_ros.data.datasets import DATASETS

PAGE = (Path(__file__).parents[3] / 'docs/datasets.md').read_text()
ROWS = {match[1]: match[0].split('|')[1:-1]
        for match in re.finditer(r'^\| `(\w+)` \|.*\|$', PAGE.split('## KITTI')[0], re.MULTILINE)}


def test_all_datasets_have_a_row():
    assert list(ROWS) == list(DATASETS)


@pytest.mark.parametrize('name', DATASETS)
def test_rows(name):
    dataset = DATASETS[name]
    _, tasks, options, site = (cell.strip() for cell in ROWS[name])
    assert tasks == ', '.join(dataset.tasks)
    assert dataset.site in site
    described = dict.fromkeys(dataset.parts, '')
    for part in filter(None, options.split('; ')):
        option, _, values = part.partition(': ')
        described[option.strip('`')] = values
    assert set(described) == set(dataset.parts)
    for option, values in described.items():
        choices = dataset.parts[option].choices
        written = [value for value in values.split(', ') if value]
        if '...' in written:
            written, choices = [written[0], written[-1]], (choices[0], choices[-1])
        assert sorted(written) == sorted(choices)
        assert not choices or written[0] == dataset.parts[option].default


def test_all_submissions_have_a_row():
    from panmatch_ros.data.submission import FORMS
    table = PAGE.split('## Submissions')[1]
    assert set(re.findall(r'^\| `(\w+)` \|', table, re.MULTILINE)) == {kind for kind, _ in FORMS}
