"""The sections of a page, by name, in the order in which they stand on it.

A section is a function from a `Content` to HTML; what a report has no numbers for is an empty
string. A new one is a file and an entry here.
"""

from collections.abc import Callable

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.sections.correlation import correlation
from ccm_tf.reporting.sections.directions import directions
from ccm_tf.reporting.sections.frozen import frozen
from ccm_tf.reporting.sections.funnel import funnel
from ccm_tf.reporting.sections.network import network
from ccm_tf.reporting.sections.rounds import rounds
from ccm_tf.reporting.sections.settings import settings
from ccm_tf.reporting.sections.spectra import spectra
from ccm_tf.reporting.sections.summary import summary
from ccm_tf.reporting.sections.training import training

SECTIONS: dict[str, Callable[[Content], str]] = {
    "summary": summary,
    "funnel": funnel,
    "rounds": rounds,
    "network": network,
    "training": training,
    "correlation": correlation,
    "spectra": spectra,
    "directions": directions,
    "frozen": frozen,
    "settings": settings,
}
