import json

import keras
import numpy as np
import pytest

from benchmarks import ccm_overhead


def tiny():
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(2, 3, strides=4, activation="relu", name="conv1")(inputs)
    x = keras.layers.Conv2D(2, 3, strides=4, activation="relu", name="conv2")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def test_pairs_alternate_their_order():
    order = []
    times = ccm_overhead.paired(lambda: order.append("a"), lambda: order.append("b"), 2, 1)
    assert "".join(order) == "baabba"
    # Models, kinds of time, pairs.
    assert times.shape == (2, 2, 2)
    assert (times >= 0).all()


@pytest.mark.parametrize("over", ["mean_map", "samples"])
def test_report(monkeypatch, tmp_path, capsys, over):
    case = {"build": tiny, "batch": 4, "target": 1.03}
    monkeypatch.setattr(ccm_overhead, "CASES", {"vgg16": case})
    path = tmp_path / "overhead.json"
    arguments = ["--network=vgg16", f"--over={over}", "--pairs=3", "--warm_up=1"]
    ccm_overhead.main([*arguments, f"--output={path}"])
    (row,) = json.loads(path.read_text())["results"]
    assert (row["network"], row["over"], row["maps"], row["pairs"]) == ("vgg16", over, 1, 3)
    assert row["target"] == (1.03 if over == "mean_map" else None)
    low, high = row["ratio_quartiles"]
    assert 0 < low <= row["ratio"] <= high
    assert np.isfinite([row["with_ms"], row["without_ms"], row["processor_ratio"]]).all()
    shown = capsys.readouterr().out
    assert f"{row['ratio']:.3f}" in shown
