import json
import pathlib

import pytest

from benchmarks.peers import __main__ as program
from benchmarks.peers import page
from benchmarks.peers.methods import BUDGETS, OURS, OWN, PEERS, THEIRS

RESULTS = pathlib.Path(__file__).parents[3] / "docs" / "results"


def row(tool, method, accuracy, seconds=1.0, budget=0.5):
    return {
        "tool": tool,
        "method": method,
        "budget": budget,
        "params": 1000,
        "macs": 1_000_000,
        "accuracy": {"pruned": 0.1, "recalibrated": 0.5, "finetuned": accuracy},
        "time": {"processor_seconds": seconds, "repeats": 3},
        "search": {"ratio": 0.3, "tries": 4, "within": True},
        "search_processor_seconds": 4.0,
        "piece_seconds": 60.0,
    }


def results(*rows):
    return {
        "environment": {"hardware": "a processor", "python": "3.11", "versions": {"keras": "3"}},
        "packages": {"tf_keras": "2"},
        "about": {"network": "abc"},
        "recipe": {"steps": 3, "batch_size": 8, "learning_rate": 0.1, "momentum": 0.9, "l2": 0.01},
        "dense": {
            "name": "vgg16",
            "accuracy": 0.9,
            "test_images": 10_000,
            "params": 2000,
            "macs": 2_000_000,
            "piece_seconds": 60.0,
        },
        "rows": list(rows),
        "large": {},
        "zeros": {},
    }


@pytest.mark.parametrize(
    "ours, theirs, said",
    [
        (0.80, 0.70, f"**{OURS} (magnitude)** is ahead of {THEIRS} (group L2, global), 80.00 %"),
        (0.70, 0.80, f"**{THEIRS} (group L2, global)** is ahead of {OURS} (magnitude), 80.00 %"),
        (0.801, 0.80, "are level, 80.10 % and 80.00 %"),
    ],
)
def test_who_is_ahead_comes_from_the_numbers(ours, theirs, said):
    rows = (row(OURS, "magnitude", ours), row(THEIRS, "group L2, global", theirs, seconds=0.5))
    text = page.page(results(*rows))
    best, alike = text.split("Like with like")
    assert said in best and said in alike
    assert "Torch-Pruning needs 2.0 times less processor time" in alike
    assert "1.00 M (50.0%)" in text
    whole = len(BUDGETS) * (len(OWN) + len(PEERS))
    assert f"2 of {whole} networks are done; the same command goes on" in text


def test_the_best_of_each_is_compared():
    rows = [row(OURS, "magnitude", 0.6), row(OURS, "pca", 0.7), row(OURS, "pca", 0.9, budget=0.2)]
    assert page.best(rows, OURS, 0.5, "finetuned")["method"] == "pca"
    assert page.best(rows, THEIRS, 0.5, "finetuned") is None


def test_a_run_that_has_just_begun_has_a_page():
    text = page.page(results())
    assert "90.00 % on 10,000 test images" in text and "##" not in text


def test_the_page_lies_beside_the_results(tmp_path):
    path = tmp_path / "peers.json"
    path.write_text(json.dumps(results(row(OURS, "magnitude", 0.8))))
    assert program.main(["--report", f"--output={path}"]) == 0
    assert (tmp_path / "peers.md").read_text().startswith("# Side by side")


def test_no_results_are_an_error(tmp_path, capsys):
    assert program.main(["--report", f"--output={tmp_path / 'none.json'}"]) == 2
    assert "none.json" in capsys.readouterr().err


def test_zeros_and_channels_are_put_side_by_side():
    file = {"bytes": 4_000_000, "gzip_bytes": 2_000_000, "processor_ms": 1.0}
    slim = {"bytes": 2_000_000, "gzip_bytes": 1_900_000, "processor_ms": 0.5}
    files = {"dense": file, "zeros": file, "channels": slim, "piece_seconds": 1.0}
    found = results(row(OURS, "magnitude", 0.8))
    accuracy = {"pruned": 0.7, "recalibrated": 0.8, "finetuned": 0.85}
    sparse = {"zeros": 0.5, "accuracy": accuracy, "files": files, "piece_seconds": 1.0}
    found["zeros"]["0.5"] = sparse
    text = page.page(found)
    assert "zeros 85.00 %, channels 80.00 %" in text
    assert "4.00 MB (2.00 MB) with zeros, 2.00 MB (1.90 MB) with fewer channels" in text
    assert "it is 1.00 and 2.00 times as fast" in text


def test_the_page_is_that_of_the_results():
    found = json.loads((RESULTS / "peers.json").read_text())
    assert (RESULTS / "peers.md").read_text() == page.page(found)


def test_a_disturbed_time_is_not_held_against_the_peer():
    rows = (row(OURS, "magnitude", 0.8), row(THEIRS, "group L2, global", 0.8, seconds=9.0))
    assert "ccm_tf needs 4.0 times less processor time" in page.page(results(*rows))
