"""Whether words and lines can be told from what is behind them, light and dark (WCAG 2.2)."""

import pathlib
import re

import pytest

import ccm_tf.reporting.page as module

CSS = pathlib.Path(module.__file__).with_name("page.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
)
RUNS = [f"c{number}" for number in range(6)]


def luminance(colour):
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("behind", ["page", "card"])
def test_words_stand_out(theme, behind):
    for name in ("ink", "soft"):
        assert contrast(theme[name], theme[behind]) >= 4.5, name


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_and_bars_stand_out(theme):
    for name in ("a", "b", "still", "edge", *RUNS):
        assert contrast(theme[name], theme["card"]) >= 3, name
    # What stays must differ from what was there by more than its hue.
    assert contrast(theme["a"], theme["track"]) >= 3


def test_both_themes_have_every_colour():
    assert LIGHT.keys() == DARK.keys() and LIGHT != DARK
    assert set(re.findall(r"var\(--(\w+)\)", CSS)) <= LIGHT.keys() | {
        "lanes", "name", "count", "own",
    }  # fmt: skip
