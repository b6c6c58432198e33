import json

import keras
import numpy as np
import pytest

from benchmarks import compress
from ccm_tf.graph import ChannelGraph


def test_drawings_and_masks_agree():
    images, masks = compress.drawn(4)
    assert set(np.unique(masks)) == {0, 1, 2} and images.dtype == np.uint8
    red, blue = images[masks == 1].mean(axis=0), images[masks == 2].mean(axis=0)
    assert red[0] > 150 > red[2] and blue[2] > 150 > blue[0]


def test_the_unets_outputs_stay_and_its_skips_go():
    graph = ChannelGraph(compress.unet_network())
    free = {p.name: int((~graph.is_frozen(p.roots)).sum()) for p in graph.producers}
    assert free.pop("classes") == 0
    assert all(free.values()) and {"down1_conv2", "down2_conv2", "rise2"} <= set(free)


def result():
    row = {"accuracy": 0.9, "params": 1000, "macs": 20_000, "bytes": 4000, "latency_ms": 0.5}
    return {
        "flags": "--macs=0.5",
        "after_cut": 0.8,
        **{name: row for name in compress.ROWS},
        "pruned": {**row, "macs": 10_000},
        "layers": [[["a", "b"], 8, 3], [["c"], 4, 4]],
    }


def test_the_page_shows_what_was_measured():
    text = compress.page({"models": {"unet": result()}})
    assert "| pruned | 90.00 % | 1,000 (+0.0 %) | 10.0 k (−50.0 %) | 0.500 ms |" in text
    assert "a + 1 tied 8 → 3, c 4 → 4." in text and "accuracy was 80.00 %" in text


@pytest.mark.tensorflow
def test_models_are_made_once_and_results_written(tmp_path, monkeypatch):
    made = []

    def make(folder, epochs):
        made.append(epochs)
        folder.mkdir(parents=True)
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(folder / "net.keras")

    monkeypatch.setattr(compress, "MODELS", {"unet": (make, 6)})
    monkeypatch.setattr(compress, "compressed", lambda folder, name: result())
    for _ in range(2):
        arguments = [f"--work_dir={tmp_path}", f"--output={tmp_path / 'found.json'}"]
        compress.main(arguments)
    assert made == [6]
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["models"]["unet"]["pruned"]["macs"] == 10_000
    assert "## unet" in (tmp_path / "found.md").read_text()
