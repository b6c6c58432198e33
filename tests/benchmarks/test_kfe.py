import json

import keras
import pytest

from benchmarks import kfe


def tiny(classes, width):
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=8, activation="relu", name="conv")(inputs)
    return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.Flatten()(x)))


@pytest.mark.tensorflow
def test_report(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(kfe, "vgg19", tiny)
    path, picture = tmp_path / "kfe.json", tmp_path / "kfe.svg"
    arguments = ["--batch=2", "--rounds=2", "--epochs=1", "--prunings=3"]
    kfe.main([*arguments, f"--output={path}", f"--plot={picture}"])
    result = json.loads(path.read_text())
    speed, found = result["speed"], result["prediction"]
    assert speed["channel_ratio"] > 0 and speed["eigen_matrices"] == 2
    assert speed["channel_peak_megabytes"] >= speed["plain_peak_megabytes"] > 0
    assert len(found["prunings"]) == 3 and -1 <= found["rank_correlation"] <= 1
    assert all(1 <= sum(map(sum, p["dropped"].values())) <= 4 for p in found["prunings"])
    assert picture.read_text().startswith("<?xml")
    assert "rank correlation" in capsys.readouterr().out
    kfe.main([*arguments, "--part=speed", f"--output={path}"])
    assert json.loads(path.read_text())["prediction"] == found
