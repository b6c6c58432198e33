import json
import sys

import pytest

from benchmarks import linear_time


def test_a_power_law_is_found():
    rows = [
        {
            "chain": "c",
            "layers": n,
            "seconds": {"trace": n, "plan": n**2, "rewrite": 7, "clone": 3 * n},
        }
        for n in (10, 20, 1000)
    ]
    powers = linear_time.exponents(rows)["c"]
    assert powers == pytest.approx({"trace": 1, "plan": 2, "rewrite": 0, "clone": 1})


def test_report(tmp_path, capsys):
    path, before = tmp_path / "times.json", sys.getrecursionlimit()
    linear_time.main(["--lengths", "6", "12", "--repeats=1", f"--output={path}"])
    found = json.loads(path.read_text())
    assert [(r["chain"], r["layers"]) for r in found["results"]] == [
        (chain, n) for chain in linear_time.CHAINS for n in (6, 12)
    ]
    assert all(set(r["seconds"]) == set(linear_time.STEPS) for r in found["results"])
    assert "rewrite" in path.with_suffix(".svg").read_text()
    assert capsys.readouterr().out.count("power") == 2
    assert sys.getrecursionlimit() == before
