"""The code of docs/eigendamage.md runs and does what the page says."""

import pathlib
import re

import numpy as np
import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "eigendamage.md"


@pytest.mark.slow
def test_the_example_runs(capsys):
    pytest.importorskip("sklearn")
    code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)[0]
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    model, slim = names["model"], names["slim"]
    assert slim.count_params() == names["again"].counts["kept"]["params"] < model.count_params()
    found = names["keras"].ops.argmax(slim(names["x"]), axis=-1)
    assert (np.asarray(found) == names["y"]).mean() > 0.3
    assert "Eigen plan" in capsys.readouterr().out
