"""What docs/nodes/*.md quote of the log stands in the code."""
import ast
from pathlib import Path
import re

ROOT = Path(__file__).parents[2]
PAGES = ROOT / 'docs' / 'nodes'


def test_quoted_messages_are_those_of_the_code():
    quoted = [text for page in PAGES.glob('*.md') for row in troubles(page.read_text())
              for text in re.findall('`([^`]+)`', row)]
    assert len(quoted) > 40
    said = '\n'.join(texts_of_the_code())
    missing = [text for text in quoted for part in re.split(r'\.\.\.|\b\d[\dx.]*', text)
               if part.strip() not in said]
    assert missing == []


def troubles(page):
    """Give the first cells of the tables of what can go wrong."""
    section = page.partition('\n## What can go wrong\n')[2].split('\n## ')[0]
    return [line.split('|')[1] for line in section.splitlines() if line.startswith('| ')]


def texts_of_the_code():
    """Give all strings of the package, with '{}' for what is put into them."""
    for path in (ROOT / 'panmatch_ros').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield ''.join(str(part.value) if isinstance(part, ast.Constant) else '{}'
                              for part in node.values)
