"""Links of the documentation lead to files and headings that are there."""
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'), *ROOT.glob('config/**/*.md')])
LINK = re.compile(r'!?\[[^]]*\]\(([^)\s]+)\)')


def problems(page):
    """List the links of a page that lead nowhere."""
    found = []
    for link in LINK.findall(without_code(page.read_text())):
        if re.match(r'[a-z]+:', link):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            found.append(f'{link}: no such file')
        elif anchor and anchor not in anchors(target):
            found.append(f'{link}: no such heading')
    return found


def without_code(text):
    """Leave out code, in which brackets are no links and # is no heading."""
    return re.sub(r'^ *```.*?^ *```', '', text, flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """Give the names by which the headings of a page are linked on GitHub."""
    headings = re.findall(r'^#+ +(.*)$', without_code(page.read_text()), re.MULTILINE)
    words = [re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading).lower() for heading in headings]
    return {re.sub(r'[^\w\- ]', '', word).strip().replace(' ', '-') for word in words}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert problems(page) == []


def test_what_leads_nowhere_is_found(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('# First, a heading\n[a](other.md) [b](#first-a-heading) [c](#second)\n'
                    '```\n[d](code.md)\n# second\n```\n[e](https://example.org/x.md)\n'
                    '[f](page.md#first-a-heading) ![g](picture.jpg)\n')
    assert problems(page) == ['other.md: no such file', '#second: no such heading',
                              'picture.jpg: no such file']
