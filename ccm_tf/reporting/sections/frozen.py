"""What had to stay, and why."""

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.markup import section, table, text


def frozen(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    rows = [
        [
            text(", ".join(row["layers"])),
            f"{row['frozen']:,} of {row['width']:,}",
            text("; ".join(row["reasons"])),
        ]
        for row in content.values.get("layers", ())
        if row["frozen"]
    ]
    if not rows:
        return ""
    return section(
        "What had to stay, and why",
        "Channels that nothing may remove.",
        table(["layers", "channels", "reason"], rows, "words"),
    )
