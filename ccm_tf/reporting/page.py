"""A page for the browser: one file that needs no network."""

import pathlib
from collections.abc import Iterable

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.markup import text
from ccm_tf.reporting.sections import SECTIONS

_STYLE = pathlib.Path(__file__).with_name("page.css")


def page(content: Content) -> str:
    """The page of a report: all sections that it has numbers for.

    Args:
        content: What to show.

    Returns:
        HTML.
    """
    return whole_page(content.values["title"], (section(content) for section in SECTIONS.values()))


def whole_page(title: str, sections: Iterable[str], head: str = "") -> str:
    """A page around some sections.

    Args:
        title: For the browser's tab.
        sections: HTML.
        head: More HTML for the page's head. Defaults to none.

    Returns:
        HTML.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style>"
        f"{head}</head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )
