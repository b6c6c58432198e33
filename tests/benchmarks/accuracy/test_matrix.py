import json

import pytest

from benchmarks.accuracy.matrix import PATH, load_cells, load_tables
from benchmarks.accuracy.runner import STEPS
from ccm_tf.criteria import criteria
from tasks import models


def test_every_combination_is_there_once(tiny_matrix):
    cells = load_cells(tiny_matrix)
    # Per seed and training one dense network, and two criteria at two stages.
    assert len(cells) == 2 * 2 * (1 + 2 * 2)
    assert len({cell.id for cell in cells}) == len(cells)
    assert len({cell.title for cell in cells}) == len(cells)


def test_the_first_seed_comes_before_the_second(tiny_matrix):
    seeds = [cell.labels["seed"] for cell in load_cells(tiny_matrix)]
    assert seeds == sorted(seeds)


def test_a_cell_comes_after_its_training(tiny_matrix):
    seen = set()
    for cell in load_cells(tiny_matrix):
        seen.add(cell.id)
        while cell.parent is not None:
            cell = cell.parent
        assert cell.id in seen


def test_settings_reach_the_steps(tiny_matrix):
    cell = load_cells(tiny_matrix)[-1]
    train, sliced, recalibrate, finetune = cell.steps
    assert train["loss"] == {"over": "samples", "weight": 0.05}
    assert (train["seed"], train["recipe"]["epochs"]) == (1, 3)
    assert sliced == {"step": "slice", "images": 16, "criterion": "random", "macs": 0.5}
    assert "criterion" not in recalibrate
    assert finetune["steps"] == 5


def test_a_setting_changes_the_cells_that_use_it_only(tiny_matrix):
    before = {cell.id for cell in load_cells(tiny_matrix)}
    tiny_matrix.write_text(tiny_matrix.read_text().replace("steps = 5", "steps = 6"))
    changed = [cell for cell in load_cells(tiny_matrix) if cell.id not in before]
    assert changed
    assert {cell.labels["stage"] for cell in changed} == {"finetune"}


def test_unknown_entry_is_named(tiny_matrix):
    text = tiny_matrix.read_text().replace('networks = ["small"]', 'networks = ["large"]')
    tiny_matrix.write_text(text)
    with pytest.raises(ValueError, match="large.*small"):
        load_cells(tiny_matrix)


def test_missing_list_is_named(tiny_matrix):
    tiny_matrix.write_text(tiny_matrix.read_text().replace("seeds = [0, 1]", ""))
    with pytest.raises(ValueError, match="seeds"):
        load_cells(tiny_matrix)


def test_a_stage_by_another_name_is_refused(tiny_matrix):
    text = tiny_matrix.read_text().replace('["slice", "recalibrate", "finetune"]', '["slice"]')
    tiny_matrix.write_text(text)
    with pytest.raises(ValueError, match="must be called 'slice'"):
        load_cells(tiny_matrix)


def test_a_declared_criterion_brings_its_arguments(tiny_matrix):
    text = tiny_matrix.read_text().replace('"magnitude", "random"', '"plain", "l1"')
    declared = '[criteria.l1]\nname = "magnitude"\nnorm = "l1"\n\n[[experiments]]'
    tiny_matrix.write_text(text.replace("[[experiments]]", declared))
    cells = {cell.labels["criterion"]: cell for cell in load_cells(tiny_matrix)}
    assert cells["l1"].steps[1]["criterion"] == {"name": "magnitude", "norm": "l1"}
    assert cells["plain"].steps[1]["criterion"] == "plain"


def test_one_kind_of_step_with_two_settings(tiny_matrix):
    text = tiny_matrix.read_text().replace('"slice", "finetune"]', '"slice", "long"]')
    text = text.replace("[stages]", '[steps.long]\nstep = "retrain"\nepochs = 2\n\n[stages]')
    text = text.replace("finetune = [", 'long = ["slice", "long"]\nfinetune = [')
    tiny_matrix.write_text(text)
    cell = load_cells(tiny_matrix)[-1]
    assert (cell.labels["stage"], cell.steps[-1]) == ("long", {"step": "retrain", "epochs": 2})


@pytest.mark.parametrize("protocol", ["matrix.toml", "paper.toml"])
def test_the_real_matrices_use_registered_steps_and_networks(protocol):
    cells = load_cells(PATH.with_name(protocol))
    assert {step["step"] for cell in cells for step in cell.steps} <= set(STEPS)
    builders = {cell.steps[0]["network"]["builder"] for cell in cells}
    assert all(callable(getattr(models, builder)) for builder in builders)


def test_results_that_are_there_belong_to_cells():
    """What was computed stays valid: no setting of it has changed."""
    results = PATH.parents[2] / "docs" / "results" / "accuracy.jsonl"
    ids = {json.loads(line)["id"] for line in results.read_text("utf-8").splitlines()}
    cells = {cell.id: cell for cell in load_cells()}
    pending = list(cells.values())
    while pending:
        parent = pending.pop().parent
        if parent is not None and parent.id not in cells:
            cells[parent.id] = parent
            pending.append(parent)
    assert ids <= set(cells)


def test_the_first_cells_are_there():
    cells = load_cells()
    assert {"pca", "independence", "magnitude", "random"} <= {c.labels["criterion"] for c in cells}


def test_every_registered_criterion_has_cells():
    assert set(criteria()) <= {cell.labels["criterion"] for cell in load_cells()}


def test_experiments_of_one_table_share_it(tiny_matrix):
    head, tail = tiny_matrix.read_text().split("[[experiments]]")
    named = tail.replace('name = "tiny"', 'name = "tiny"\ntable = "Both"\nalternatives = ["slice"]')
    other = named.replace('"tiny"', '"other"').replace("0.5", "0.25")
    tiny_matrix.write_text(f"{head}[[experiments]]{named}[[experiments]]{other}")
    (table,) = load_tables(tiny_matrix)
    assert (table.title, table.alternatives) == ("Both", ("slice",))
    assert table.ids == {c.id for c in load_cells(tiny_matrix) if c.labels["criterion"]}


def test_an_alternative_must_be_a_stage(tiny_matrix):
    text = tiny_matrix.read_text()
    tiny_matrix.write_text(text.replace('name = "tiny"', 'name = "tiny"\nalternatives = ["fold"]'))
    with pytest.raises(ValueError, match=r"alternatives that are none of its stages: fold\. Its"):
        load_tables(tiny_matrix)


def test_every_real_cell_is_in_a_table():
    shown = {cell_id for table in load_tables() for cell_id in table.ids}
    assert {cell.id for cell in load_cells() if cell.labels["criterion"]} == shown
