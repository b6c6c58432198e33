import json

import pytest

from benchmarks import relevance


def test_table_shows_the_ratio_beside_the_target():
    row = {
        "network": "vgg16", "width": 0.5, "training_ms": 100.0, "scoring_ms": 150.0,
        "ratio": 1.5, "processor_ratio": 1.6, "processor_ratio_quartiles": [1.5, 1.75],
        "target": 2.0,
    }  # fmt: skip
    head, line = relevance.table([row])
    assert line.split() == ["vgg16", "0.5", "100.0", "150.0", "1.50", "1.60", "1.50–1.75", "2.0"]
    assert len(head) == len(line)


@pytest.mark.slow
def test_a_run_writes_its_numbers(tmp_path, capsys):
    path = tmp_path / "relevance.json"
    arguments = "--networks vgg16 --width 0.125 --batch 4 --pairs 2 --warm_up 1".split()
    relevance.main([*arguments, f"--output={path}"])
    (row,) = json.loads(path.read_text())["rows"]
    assert row["processor_ratio"] > 0 and row["target"] == 2.0
    assert "vgg16" in capsys.readouterr().out
