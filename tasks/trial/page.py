"""The page itself: its fixed parts; scripts beside it fill in what they find out."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from ccm_tf.reporting.markup import section, table, text
from ccm_tf.reporting.page import whole_page

_STYLE = pathlib.Path(__file__).with_name("page.css")


def page(values: Mapping[str, Any]) -> str:
    """The page in the look of the reports.

    Args:
        values: What `tasks.trial.site.site_values` returned.

    Returns:
        HTML.
    """
    parts = [_head(values), _image(values), _files(values), _footer(values)]
    modules = json.dumps({"imports": values["runtime"]["modules"]}).replace("<", "\\u003c")
    style = _STYLE.read_text(encoding="utf-8")
    return whole_page(
        values["title"],
        parts,
        f'<link rel="icon" href="data:,"><style>{style}</style>'
        f'<script type="importmap">{modules}</script>'
        '<script type="module" src="app.js"></script>',
    )


def _head(values: Mapping[str, Any]) -> str:
    models = values["models"]
    others = ", ".join(f"<b>{text(model['title'])}</b>" for model in models[1:])
    return (
        f"<header><h1>{text(values['title'])}</h1><p>Try <b>{text(models[0]['title'])}</b> against "
        f"{others}: the exported LiteRT files run in this browser, and no image leaves it.</p>"
        "</header>"
        '<div class="panel status" role="status" id="status">This page needs JavaScript with '
        "WebAssembly, and a web server: run <code>python -m http.server</code> in its folder, or "
        "<code>python -m tasks.try_in_browser</code> again.</div>"
        '<div class="cards" id="cards"></div>'
    )


def _image(values: Mapping[str, Any]) -> str:
    height, width, _ = values["shape"]
    keys = "".join(
        f'<span class="key own c{number}">{text(model["title"])}</span>'
        for number, model in enumerate(values["models"])
    )
    small = " small" if max(height, width) <= 96 else ""
    return section(
        "One image",
        "Choose one of the samples, or drop an image of your own on the picture. The picture "
        f"shows what the files see: {width} × {height} pixels.",
        '<div class="panel samples"><div class="thumbs" id="thumbs"></div>'
        '<p class="note" id="disagreements"></p></div>'
        '<div class="trial"><figure id="drop" class="drop">'
        f'<canvas id="canvas" class="seen{small}" width="{width}" height="{height}" role="img" '
        'aria-label="The chosen image"></canvas><p class="note" id="truth"></p>'
        '<button class="button" id="another" disabled>Another image …</button>'
        '<input type="file" accept="image/*" id="file" hidden></figure>'
        '<figure><figcaption>What the files say<span class="legend">'
        f'{keys}</span></figcaption><div class="bars" id="bars"></div></figure></div>',
    )


def _files(values: Mapping[str, Any]) -> str:
    head = ["file", "size", "one image", "middle half", "same class"]
    head += ["right"] if values["labelled"] else []
    rows = []
    for number, model in enumerate(values["models"]):
        name = f"{text(model['title'])}<small>{text(model['quantize'])}</small>"
        keys = ("time", "spread", "same", "right")[: len(head) - 2]
        cells = [f'<span id="{key}-{number}">–</span>' for key in keys]
        rows.append([name, text(model["size"]), *cells])
    return section(
        "All files, on all samples",
        "Times are medians of one image at a time on one thread of WebAssembly, warmed up, with "
        "the files taking turns; they are this browser's, not those of LiteRT outside of it.",
        f'{table(head, rows)}<p><button class="button" id="again" disabled>Measure again</button>'
        "</p>",
    )


def _footer(values: Mapping[str, Any]) -> str:
    return (
        f"<footer>Runtime: @litertjs/core {text(values['runtime']['version'])}, Apache License "
        "2.0. The browser's console has all numbers: <code>trial</code>.</footer>"
    )
