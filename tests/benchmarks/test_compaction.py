import json

import pytest

from benchmarks import compaction

RUN = {"processor_seconds": [4.0, 4.1], "loss": [2.0, 1.0], "kept_macs": [0.5, 0.2]}
RESULT = {
    "masked": RUN,
    "compacted": {**RUN, "processor_seconds": [4.2, 1.5]},
    "loss_difference": 1e-6,
}


def test_table_and_figure_show_both_runs():
    _, first, second, last = compaction.table(RESULT)
    assert first.split() == ["1", "50.0%", "4.0", "4.2"]
    assert second.split() == ["2", "20.0%", "4.1", "1.5"]
    assert last.endswith("1.0e-06")
    assert compaction.figure(RESULT).lstrip().startswith("<?xml")


@pytest.mark.slow
@pytest.mark.long
def test_a_run_writes_its_numbers(tmp_path):
    path = tmp_path / "compaction.json"
    arguments = "--width 0.0625 --images 16 --epochs 4 --batch 8".split()
    compaction.main([*arguments, f"--output={path}"])
    result = json.loads(path.read_text())
    assert result["compacted"]["params"] < result["masked"]["params"]
    assert result["loss_difference"] < 1e-4
    assert path.with_suffix(".svg").is_file()
