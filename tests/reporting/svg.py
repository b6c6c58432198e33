"""Reads drawings back."""

import re


def coordinates(chart, style):
    """Points of the lines and areas of a CSS class."""
    found = re.findall(rf'class="{style}" points="([^"]*)"', chart)
    return [[tuple(map(float, p.split(","))) for p in line.split()] for line in found]
