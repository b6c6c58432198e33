"""Correlation between channels, before and after."""

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.correlations import Correlation, Pair
from ccm_tf.reporting.heatmap import heatmap
from ccm_tf.reporting.markup import figure, section

_ABOUT = (
    "Over images and pixels, dense network and final network. −1"
    '<span class="scale"></span>+1. Channels are sorted so that those which go together stand '
    "together."
)


def correlation(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    if not content.matrices:
        return ""
    figures = "".join(map(_figure, content.matrices))
    return section("Correlation between channels", _ABOUT, f'<div class="charts">{figures}</div>')


def _figure(pair: Pair) -> str:
    before, after = pair
    halves = _half("Before", before) + _half("After", after)
    return figure(before.layer, f'<div class="pair">{halves}</div>')


def _half(word: str, found: Correlation) -> str:
    image = heatmap(found.matrix, f"{word}: correlation of {found.layer}")
    return (
        f"<div>{image}<p>{word}: <b>{len(found.matrix)}</b> channels, mean |r| "
        f"<b>{found.mean_abs:.2f}</b>, 90 % of the variance in <b>{found.components}</b></p></div>"
    )
