import json
import pathlib

from benchmarks import latency_page

RESULTS = pathlib.Path(__file__).parents[2] / "docs" / "results"


def test_the_page_is_that_of_the_results():
    found = latency_page.devices_in(RESULTS)
    accuracies = json.loads((RESULTS / "quantized.json").read_text())["results"]
    assert len(found) > 1
    assert found[0] == json.loads((RESULTS / "latency.json").read_text())
    assert (RESULTS / "latency.md").read_text() == latency_page.page(found, accuracies)


def test_parts_that_are_missing_are_left_out(tmp_path):
    latency_page.main(["--results", str(tmp_path)])
    text = (tmp_path / "latency.md").read_text()
    assert text.startswith("# Latency") and "##" not in text


def test_figures():
    row = {
        "network": "net",
        "asked": 0.5,
        "processor": 0.48,
        "measured": 0.61,
        "mac_part": 0.4,
        "notes": [],
    }
    files = {
        "float32": {"accuracy": 0.9, "points": 0.0, "bytes": 4_000_000},
        "int8": {"accuracy": 0.896, "points": -0.4, "bytes": 1_000_000},
    }
    latency = {
        "versions": {"device": "a processor"},
        "budget": {"rows": [row], "load_average": [1.0, 2.0, 3.0], "runs": 3},
    }
    accuracies = [{"dataset": "digits", "params": 1000, "model": "a.keras", "files": files}]
    text = latency_page.page([latency], accuracies)
    assert "## a processor\n\n### Plans" in text
    assert "| net | 50% | 48.0% | 61.0% | 40.0% |" in text
    assert "90.00%, 4.00 MB | 89.60% (-0.40), 1.00 MB" in text
    assert latency_page.shares({"A": 3.0, "B": 1.0}) == "A 75 %, B 25 %"
