"""The code of docs/budgets.md does what the page says."""

import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "budgets.md"


def test_the_pages_code_runs_from_top_to_bottom(capsys):
    text = PAGE.read_text(encoding="utf-8")
    names = {}
    for code in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        exec(compile(code, PAGE.name, "exec"), names)
    said = capsys.readouterr().out
    # What the comments promise.
    assert "channels stay" in said and "No plan meets macs=0.001" in said
    (note,) = names["coarse"].notes
    assert re.search(r"[\d,]+ macs are [\d.]+% below the target: the next channels only come", note)


def test_every_argument_is_on_the_page():
    import inspect

    import ccm_tf

    text = PAGE.read_text(encoding="utf-8")
    for name in inspect.signature(ccm_tf.plan).parameters:
        if name not in ("model", "criterion", "data", "exact", "verbose"):
            assert f"`{name}`" in text or f"`--{name}`" in text, name
