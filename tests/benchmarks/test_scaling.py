import json
import pathlib
import sys

import numpy as np
import pytest

from benchmarks import scaling

DOCS = pathlib.Path(scaling.__file__).parents[1] / "docs"


def test_numbers():
    assert scaling.numbers("1,2,16") == [1, 2, 16]


def test_data_is_the_same_whenever_it_is_made():
    data = scaling.MadeUp(24, 8)
    assert len(data) == 3 and data[1][0].shape == (8, 32, 32, 3)
    np.testing.assert_array_equal(data[1][0], data[1][0])
    assert not np.array_equal(data[1][0], data[2][0])


def test_the_slowest_worker_counts():
    rows = [
        {"images": 8, "epoch_seconds": 1.0, "memory_mb": 5.0},
        {"images": 8, "epoch_seconds": 2.0, "memory_mb": 4.0},
    ]
    assert scaling._slowest(rows) == {"images": 8, "epoch_seconds": 2.0, "memory_mb": 5.0}


def test_the_docs_show_the_result():
    result = json.loads((DOCS / "results" / "scaling.json").read_text())
    assert scaling.table(result["rows"]) in (DOCS / "distribution.md").read_text()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_two_workers_are_measured(tmp_path, monkeypatch):
    path = tmp_path / "scaling.json"
    flags = f"--workers=2 --images=16 --batch_size=8 --width=0.125 --epochs=1 --out={path}"
    monkeypatch.setattr(sys, "argv", ["scaling", *flags.split()])
    scaling.main()
    (row,) = json.loads(path.read_text())["rows"]
    assert (row["workers"], row["images"]) == (2, 16)
    assert row["epoch_seconds"] > 0 and row["statistics_seconds"] > 0 and row["memory_mb"] > 0
    # Two channels on 32 by 32 pixels, and the number of images, in four bytes each.
    assert row["bytes"]["relu1"] == 4 * (32 * 32 * 2 + 1)
