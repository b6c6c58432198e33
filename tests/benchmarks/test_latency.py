import json

import pytest

from benchmarks import latency
from tests.reference_widths import VGG16

pytestmark = pytest.mark.tensorflow


def test_the_widths_are_the_references():
    assert list(latency.TAU[:12]) == VGG16[0.6][0]
    assert latency.rounded(latency.TAU, 8)[:3] == [16, 32, 72]
    assert latency.rounded(latency.TAU, 64)[0] == 64


def test_aligned_widths_cost_no_more():
    found = latency.aligned(latency.TAU, 16)
    assert found[:4] == [16, 32, 64, 64] and all(width % 16 == 0 for width in found)
    assert found[12] == 512
    exact, dense = latency.macs_of(latency.TAU), latency.macs_of(None)
    assert 0.9 * exact < latency.macs_of(found) <= exact < 0.2 * dense


def test_no_widths_where_the_least_multiples_cost_more():
    assert latency.aligned(latency.TAU, 128) is None


@pytest.mark.parametrize("step, steps", [(1, [8]), (8, [8]), (16, [8, 16])])
def test_widths_to_compare(step, steps):
    found = latency.kinds_of_widths(step)
    expected = [f"multiples of {n}{more}" for n in steps for more in ("", ", no more MACs")]
    assert list(found) == ["dense", "exact", *expected]


def test_kinds_take_turns():
    assert latency.medians(("dense", "half"), [3, 30, 1, 10, 2, 20]) == {"dense": 2, "half": 20}


def test_the_median_opening_counts():
    found = [{"processor_speed_up": s, "processor_ms": 1 / s} for s in (6.0, 5.0, 9.0)]
    assert latency.middle(found) == found[0]
    dense = [{"processor_speed_up": 1.0, "processor_ms": ms} for ms in (3.0, 1.0, 2.0)]
    assert latency.middle(dense) == dense[2]


def small():
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(48, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(48, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


@pytest.mark.slow
def test_parts_are_measured_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CCM_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(latency, "NETWORKS", {"ResNet-50": small, "MobileNetV2": small})
    output = tmp_path / "latency.json"
    for part in ("half", "prediction", "budget"):
        latency.main(["--parts", part, "--networks", "ResNet-50", "--runs=2", f"--output={output}"])
    found = json.loads(output.read_text())
    assert set(found) == {"versions", "half", "prediction", "budget"}
    (int8,) = [row for row in found["half"]["rows"] if row["numbers"] == "int8"]
    assert int8["processor_speed_up"] > 0 and int8["alone_ms"]["half"]["CONV_2D"] > 0
    assert found["prediction"]["rows"][0]["unknown"] == []
    assert 0 < found["budget"]["rows"][0]["measured"]
