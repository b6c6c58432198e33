"""Checks HTML."""

import html.parser

VOID = frozenset(
    {"meta", "link", "input", "img", "br", "circle", "line", "polyline", "polygon", "path", "rect"}
)


class Checker(html.parser.HTMLParser):
    """Fails on tags that are not closed in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def whole(text):
    """Fails unless every tag of a text is closed in order."""
    checker = Checker()
    checker.feed(text)
    assert not checker.open, checker.open
