"""A page or a part of one: everything that is opened is closed, every link leads somewhere."""
from html.parser import HTMLParser

VOID = {'meta', 'img', 'br'}


class Checker(HTMLParser):
    """Counts what is open: every tag must be closed, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == 'id']
        self.links += [value for name, value in attrs if name == 'href']
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(text):
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert {link.removeprefix('#') for link in checker.links} <= set(checker.ids)
    return checker
