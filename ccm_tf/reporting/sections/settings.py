"""What a run was started with."""

from collections.abc import Mapping
from typing import Any

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.markup import section, text


def settings(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    values = content.values
    said = "The same numbers are in the JSON file beside this page."
    credits = text(values.get("credits", ""))
    if "run" not in values:
        return f"<footer>{said} {credits}</footer>"
    run = values["run"]
    flags = " ".join(
        f"--{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in run["flags"].items()
        if value not in (None, "", []) and name != "network"
    )
    return section(
        "Settings",
        f"{text(run['images'])}.",
        f'<div class="panel"><pre><code>{text(flags)}</code></pre></div>'
        f"<footer>{_input(run)} Keras {text(run['keras'])} on {text(run['backend'])}. {said} "
        f"{credits}</footer>",
    )


def _input(run: Mapping[str, Any]) -> str:
    order = " in the order blue, green, red" if run.get("bgr") else ""
    mean, std = (", ".join(f"{v:.4f}" for v in run[key]) for key in ("mean", "std"))
    return (
        f"Input of the model: (pixels / 255 − mean) / std with mean ({mean}) and std ({std})"
        f"{order}."
    )
