import importlib.util
import inspect
import json
import pathlib

import keras
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("table", ROOT / ".ci" / "applications_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_was_measured(generator):
    assert generator.PAGE.read_text("utf-8") == generator.page(), (
        "run `python .ci/applications_table.py --write`"
    )


def test_every_constructor_was_measured(generator):
    measured = {row["model"] for row in generator.rows()}
    known = {n for n, make in vars(keras.applications).items() if inspect.isfunction(make)}
    assert known <= measured, "run `python -m benchmarks.applications`"


def test_only_what_has_to_stay_does(generator):
    """Outputs, and channels over which a layer normalises."""
    reasons = {reason for row in generator.rows() for reason in row["kept"]}
    for reason in reasons:
        assert reason == "is an output of the model" or "normalises over channels" in reason


def test_a_page_of_two_models(generator, monkeypatch, tmp_path):
    row = {
        "model": "B",
        "input": [32, 32, 3],
        "operations": 7,
        "channels": 12,
        "free": 10,
        "kept": {"is an output of the model": 2},
        "params": [2_000_000, 500_000],
        "macs": [4_000_000, 1_000_000],
        "seconds": {"clone": 2.0, "trace": 0.1, "plan": 0.2, "rewrite": 3.0},
        "error": 2e-7,
        "versions": {"keras": "3.14.0", "backend": "jax"},
    }
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "model": "A"}) + "\n")
    monkeypatch.setattr(generator, "RESULTS", path)
    lines = generator.page().splitlines()
    cells = (
        "| 32 x 32 | 7 | 10 of 12 | 2.0 → 0.5 M | 4.0 → 1.0 M | 2e-07 | 0.1 | 0.2 | 3.0 | 1.50 |"
    )
    first = lines.index(f"| A {cells}")
    assert lines[first + 1] == f"| B {cells}"
    assert "| is an output of the model | 4 | A, B |" in lines
    assert "2 models passed all three, on Keras 3.14.0 with jax." in lines
