import json
import sys

import pytest

from benchmarks import scaling


def test_numbers():
    assert scaling.numbers("1,2,16") == [1, 2, 16]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_two_workers_are_measured(tmp_path, monkeypatch):
    path = tmp_path / "scaling.json"
    flags = f"--workers=2 --images=16 --batch_size=8 --width=0.125 --out={path}"
    monkeypatch.setattr(sys, "argv", ["scaling", *flags.split()])
    scaling.main()
    (row,) = json.loads(path.read_text())["rows"]
    assert (row["workers"], row["images"]) == (2, 16)
    assert row["epoch_seconds"] > 0 and row["statistics_seconds"] > 0 and row["memory_mb"] > 0
    # Two channels on 32 by 32 pixels, and the number of images, in four bytes each.
    assert row["bytes"]["relu1"] == 4 * (32 * 32 * 2 + 1)
