"""Spectra: how the scores of a group's channels fall, and where the cut is."""

from ccm_tf.reporting.content import Content, criterion_of
from ccm_tf.reporting.markup import section, text
from ccm_tf.reporting.shares import share_chart

# Spectra on the page; of more groups every second or third is shown.
_SPECTRA = 16


def spectra(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    groups = content.values.get("groups", ())
    if not groups:
        return ""
    step = -(-len(groups) // _SPECTRA)
    criterion = criterion_of(content.values)
    what = (
        "Share of the variance that the first principal components hold"
        if criterion == "pca"
        else f"Share of the total score of “{text(criterion)}” that the best channels hold"
    )
    some = f" One in {step} groups is shown." if step > 1 else ""
    charts = "".join(
        share_chart(row["name"], row["scores"], row["kept"], row["width"]) for row in groups[::step]
    )
    return section(
        "Why these widths",
        f"{what}, and where the cut is. The sooner a curve is flat, the more redundant the "
        f"layer.{some}",
        f'<div class="charts small">{charts}</div>',
    )
