import pytest

from benchmarks.peers import sections
from benchmarks.peers.methods import OURS, THEIRS


def entry(off):
    def side(seconds, difference):
        return {"time": {"processor_seconds": seconds}, "masked_difference": difference}

    return {"ccm_tf": side(3.0, 1e-7), "torch": side(1.5, off)}


def test_ratios_are_to_the_peer():
    lines = sections.large({"large": {"net": entry(2e-7)}})
    assert f"| net | {OURS} | 3 | 2.0 | 1e-07 |" in lines
    assert f"| net | {THEIRS} | 1.5 | 1.0 | 2e-07 |" in lines


@pytest.mark.parametrize("off, said", [(1e-7, False), (0.3, True)])
def test_what_is_not_faithful_is_said_only_if_it_was_measured(off, said):
    text = "\n".join(sections.large({"large": {"net": entry(off)}}))
    assert ("not with Torch-Pruning in net" in text) == said


def test_missing_parts_are_left_out():
    found = {"rows": [], "large": {}, "zeros": {}}
    for section in (sections.accuracy, sections.times, sections.large, sections.zeros):
        assert section(found) == []


def test_a_share_that_misses_the_budget_is_marked():
    row = {
        "tool": THEIRS,
        "method": "LAMP",
        "budget": 0.25,
        "time": {"processor_seconds": 0.5, "repeats": 3},
        "search": {"ratio": 0.5, "tries": 16, "within": False},
        "search_processor_seconds": 4.0,
    }
    (line,) = [line for line in sections.times({"rows": [row]}) if "LAMP" in line]
    assert line == (f"| 25% | {THEIRS} | LAMP | 0.5 | 3 | 0.500 in 16 tries, not within 1 % | 4 |")


def test_zeros_stand_beside_the_channels_of_the_same_budget():
    file = {"bytes": 2_000_000, "gzip_bytes": 1_000_000, "median_ms": 2.0, "processor_ms": 1.0}
    accuracy = {"pruned": 0.1, "recalibrated": 0.5, "finetuned": 0.8}
    files = {"dense": file, "channels": {**file, "processor_ms": 0.5}, "zeros": file}
    sparse = {"zeros": 0.6, "accuracy": {**accuracy, "finetuned": 0.85}, "files": files}
    found = {
        "dense": {"accuracy": 0.9},
        "rows": [{"tool": OURS, "method": "magnitude", "budget": 0.5, "accuracy": accuracy}],
        "zeros": {"0.5": sparse},
    }
    text = "\n".join(sections.zeros(found))
    tail = "2.00 MB | 1.00 MB"
    assert f"| 50% | dense | 100.0% | – | – | 90.00 % | {tail} | 1.00 ms | 1.00 |" in text
    shown = f"40.0% | 10.00 % | 50.00 % | 80.00 % | {tail} | 0.500 ms | 2.00"
    assert f"| 50% | channels | {shown} |" in text
    assert "| 50% | zeros | 40.0% | 10.00 % | 50.00 % | 85.00 % |" in text
