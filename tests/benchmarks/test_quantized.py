import json

import keras
import pytest

from benchmarks import quantized


@pytest.mark.tensorflow
@pytest.mark.slow
def test_rows_are_added_and_replaced(tmp_path):
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)))
    for name in ("one", "two"):
        model.save(tmp_path / f"{name}.keras")
    output = tmp_path / "quantized.json"
    files = [f"--model={tmp_path / name}.keras" for name in ("one", "two")]
    quantized.main([*files, "--kinds", "int8", f"--output={output}"])
    quantized.main([files[0], "--kinds", "float16", f"--output={output}"])
    rows = json.loads(output.read_text())["results"]
    assert [row["model"].rpartition("/")[2] for row in rows] == ["one.keras", "two.keras"]
    assert set(rows[0]["files"]) == {"float32", "float16"}
    assert rows[1]["files"]["float32"]["points"] == 0
    assert rows[1]["files"]["int8"]["bytes"] < rows[1]["files"]["float32"]["bytes"]
