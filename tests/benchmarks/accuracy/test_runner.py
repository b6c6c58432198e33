import pytest

from benchmarks.accuracy import runner
from benchmarks.accuracy.matrix import load_cells
from benchmarks.accuracy.results import Results
from tasks.data import load


@pytest.fixture
def cells(tiny_matrix):
    """The first training and what is pruned from it."""
    wanted = {"training": ["none"], "seed": ["0"]}
    return [cell for cell in load_cells(tiny_matrix) if cell.matches(wanted)]


@pytest.fixture
def run(tmp_path, drawn):
    def start(cells):
        results = Results(tmp_path / "results.jsonl")
        failed = runner.Runner(
            tmp_path / "work", results, lambda settings: load(settings["loader"], drawn)
        ).run(cells)
        return results, failed

    return start


def test_every_cell_gets_its_line_and_runs_once(run, cells, monkeypatch):
    results, failed = run(cells)
    assert not failed
    assert [cell.id in results for cell in cells] == [True] * 5
    dense, pruned = results.get(cells[0].id), results.get(cells[-1].id)
    assert 0.0 <= pruned["test_accuracy"] <= 1.0
    assert pruned["macs_count"] <= 0.5 * dense["macs_count"]
    assert pruned["params"] < dense["params"]
    assert pruned["criterion"] == "random"
    assert [step["step"] for step in pruned["steps"]] == [
        "train",
        "slice",
        "recalibrate",
        "finetune",
    ]
    # A stage in between that no cell asks for has a line too: it was measured.
    assert len(results) == 7

    monkeypatch.setattr(runner, "STEPS", {})
    again, failed = run(cells)
    assert not failed
    assert len(again) == len(results)


def test_failed_cell_is_left_out_with_those_that_build_on_it(run, cells, monkeypatch):
    steps = dict(runner.STEPS)

    def broken(model, settings, context):
        if settings["criterion"] == "magnitude":
            raise ValueError("out of luck")
        return steps["slice"](model, settings, context)

    monkeypatch.setattr(runner, "STEPS", {**steps, "slice": broken})
    results, failed = run(cells)
    assert [cell.labels["criterion"] for cell in failed] == ["magnitude", "magnitude"]
    assert cells[-1].id in results


def test_killed_between_two_cells(run, cells, monkeypatch):
    steps = dict(runner.STEPS)

    def killed(model, settings, context):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "STEPS", {**steps, "finetune": killed})
    with pytest.raises(KeyboardInterrupt):
        run(cells)
    monkeypatch.setattr(runner, "STEPS", {**steps, "train": killed})
    results, failed = run(cells)
    assert not failed
    assert all(cell.id in results for cell in cells)


def test_work_folder_takes_one_run(tmp_path):
    with (
        runner.only_one(tmp_path / "work"),
        pytest.raises(RuntimeError, match="Another run"),
        runner.only_one(tmp_path / "work"),
    ):
        pass
    with runner.only_one(tmp_path / "work"):
        pass
