import json

import numpy as np

from benchmarks import recovery
from tests.benchmarks.test_ccm_overhead import tiny


def test_report(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(recovery, "CASES", {"vgg16": {"build": tiny, "batch": 4}})
    path = tmp_path / "recovery.json"
    arguments = ["--network=vgg16", "--pairs=2", "--warm_up=1", f"--output={path}"]
    recovery.main(arguments)
    (row,) = json.loads(path.read_text())["results"]
    assert (row["network"], row["pairs"], row["target"]) == ("vgg16", 2, 1.6)
    low, high = row["ratio_quartiles"]
    assert 0 < low <= row["ratio"] <= high
    assert np.isfinite([row["logits_ms"], row["game_ms"], row["processor_ratio"]]).all()
    assert f"{row['ratio']:.3f}" in capsys.readouterr().out
