"""The few HTML elements that the sections of a page share."""

import html
from collections.abc import Sequence

# Longer names lose their middle: both ends of a layer's name tell it from its neighbours.
_LONGEST = 28


def text(value: object) -> str:
    """A value as text that means nothing to a browser."""
    return html.escape(str(value))


def shortened(name: str, most: int = _LONGEST) -> str:
    """A name of at most so many characters, without its middle if it is longer."""
    if len(name) <= most:
        return name
    half = (most - 1) // 2
    return f"{name[: most - 1 - half]}…{name[-half:]}"


def section(title: str, about: str, body: str) -> str:
    """A section of the page.

    Args:
        title: Its heading, as text.
        about: A sentence or two on what is to be seen, as HTML.
        body: The rest, as HTML.
    """
    words = f"<p>{about}</p>" if about else ""
    return f"<section><h2>{text(title)}</h2>{words}{body}</section>"


def figure(title: str, body: str, legend: str = "") -> str:
    """A picture with a title above it.

    Args:
        title: As text.
        body: The picture, as HTML.
        legend: What its signs mean, as HTML.
    """
    keys = f'<span class="legend">{legend}</span>' if legend else ""
    return f"<figure><figcaption>{text(title)}{keys}</figcaption>{body}</figure>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table whose rows become blocks on a narrow screen, where each cell shows its column.

    Args:
        head: Titles of the columns, as text; the first is for the names of the rows.
        rows: Cells as HTML, the first of each row its name.
        kind: CSS class.
    """
    titles = "".join(f'<th scope="col">{text(title)}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(
            f'<td data-label="{text(title)}">{cell}</td>'
            for title, cell in zip(head[1:], cells, strict=True)
        )
        + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<div class="panel"><table class="{kind}"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
