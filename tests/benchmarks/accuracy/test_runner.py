import keras
import numpy as np
import pytest

from benchmarks.accuracy import runner
from benchmarks.accuracy.kinds import STEPS
from benchmarks.accuracy.matrix import load_cells
from benchmarks.accuracy.results import Results
from tasks.data import load


def _train(model, settings, context):
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    # Two classes: the level of the image, and a constant between the levels.
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    model.get_layer("logits").set_weights([np.array([[0, 1.0]] * 3), np.zeros(2)])
    return model, {"seconds": 1.0}


def _next(model, settings, context):
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, bias + 1.0])
    return model, {}


STEPS_DONE = {**dict.fromkeys(STEPS, _next), "train": _train}


@pytest.fixture
def cells(tiny_matrix):
    """The first training and what is pruned from it."""
    wanted = {"training": ["none"], "seed": ["0"]}
    return [cell for cell in load_cells(tiny_matrix) if cell.matches(wanted)]


def _accuracy(model, batches):
    """One eager call, since compiling would take most of the time of these tests."""
    images, labels = batches[0]
    return float(np.mean(np.argmax(np.asarray(model(images)), axis=-1) == labels))


@pytest.fixture
def run(tmp_path, drawn, monkeypatch):
    def start(cells, **steps):
        monkeypatch.setattr(runner.measure, "accuracy", _accuracy)
        monkeypatch.setattr(runner, "STEPS", {**STEPS_DONE, **steps})
        results = Results(tmp_path / "results.jsonl")
        started = runner.Runner(
            tmp_path / "work", results, lambda settings: load(settings["loader"], drawn)
        )
        return results, started.run(cells), started

    return start


def _killed(model, settings, context):
    raise KeyboardInterrupt


def test_every_cell_gets_its_line(run, cells):
    results, failed, _ = run(cells)
    assert not failed
    assert all(cell.id in results for cell in cells)
    dense, pruned = results.get(cells[0].id), results.get(cells[-1].id)
    # Bright images come first in the alphabet.
    assert dense["test_accuracy"] == 0.0
    assert (dense["test_images"], dense["params"], dense["macs_count"]) == (8, 8, 6)
    assert pruned["criterion"] == "random"
    kinds = [step["step"] for step in pruned["steps"]]
    assert kinds == ["train", "slice", "recalibrate", "finetune"]
    # The stage in between that no cell asks for was measured too.
    assert len(results) == len(cells) + 2


def test_steps_build_on_each_other(run, cells):
    _, _, started = run(cells)
    bias = started.network(cells[-1]).get_layer("logits").get_weights()[1]
    np.testing.assert_array_equal(bias, [3.0, 3.0])
    # The network of a cell is not touched by the cells that build on it.
    bias = started.network(cells[0]).get_layer("logits").get_weights()[1]
    np.testing.assert_array_equal(bias, [0.0, 0.0])


def test_nothing_runs_twice(run, cells):
    before, _, _ = run(cells)
    after, failed, _ = run(cells, **dict.fromkeys(STEPS_DONE, _killed))
    assert not failed
    assert len(after) == len(before)


def test_failed_cell_is_left_out_with_those_that_build_on_it(run, cells):
    def broken(model, settings, context):
        if settings["criterion"] == "magnitude":
            raise ValueError("out of luck")
        return _next(model, settings, context)

    results, failed, _ = run(cells, slice=broken)
    assert [cell.labels["criterion"] for cell in failed] == ["magnitude", "magnitude"]
    assert cells[-1].id in results


def test_killed_run_goes_on_where_it_was(run, cells):
    with pytest.raises(KeyboardInterrupt):
        run(cells, finetune=_killed)
    results, failed, _ = run(cells, train=_killed)
    assert not failed
    assert all(cell.id in results for cell in cells)


def test_lost_networks_are_made_again(run, cells, tmp_path):
    run(cells[:1])
    for file in (tmp_path / "work").rglob("model.keras"):
        file.unlink()
    results, failed, _ = run(cells)
    assert not failed
    assert cells[-1].id in results
