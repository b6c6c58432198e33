import json
import pathlib

from benchmarks.kill_soak import __main__ as program

DOCS = pathlib.Path(program.__file__).parents[2] / "docs"


def test_a_result_in_words():
    kills = [
        {"victim": "chief", "phase": "training"},
        {"victim": "both", "phase": "fine-tuning"},
        {"victim": "both", "phase": "statistics"},
    ]
    said = program.sentence({"kills": kills, "finished_runs": 2, "largest_differences": [0.0, 0.5]})
    assert said == (
        "3 kills in 2 runs, 1 of the chief, 0 of the other worker and 2 of both: 1 in training, 1 "
        "in the statistics, 0 between rewriting and fine-tuning, 1 in fine-tuning. The largest "
        "difference of a weight at the end is 0.5."
    )


def test_the_docs_say_what_came_out():
    result = json.loads((DOCS / "results" / "kill_soak.json").read_text())
    page = (DOCS / "distribution.md").read_text()
    assert program.sentence(result) in " ".join(page.split())


def test_a_command_without_the_places_of_its_results(monkeypatch):
    words = ["x", "--kills=3", "--out=here", "--work_dir=there", "--minutes=5"]
    monkeypatch.setattr("sys.argv", words)
    assert program.command("kill_soak") == "python -m benchmarks.kill_soak --kills=3"
