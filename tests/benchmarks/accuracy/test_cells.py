import pytest

from benchmarks.accuracy.cells import LABELS, Cell, parse_filters, stage_of


def _cell(*steps, **labels):
    return Cell({**dict.fromkeys(LABELS), **labels}, steps)


TRAIN = {"step": "train", "seed": 0, "recipe": {"epochs": 3, "l2": 0.1}}
SLICE = {"step": "slice", "criterion": "pca", "macs": 0.5}


def test_id_ignores_labels_and_order_of_keys():
    turned = {"recipe": {"l2": 0.1, "epochs": 3}, "seed": 0, "step": "train"}
    assert _cell(TRAIN, network="a").id == _cell(turned, network="b").id


@pytest.mark.parametrize(
    "other", [{**TRAIN, "seed": 1}, {**TRAIN, "recipe": {"epochs": 4, "l2": 0.1}}]
)
def test_id_changes_with_any_setting(other):
    assert _cell(TRAIN).id != _cell(other).id
    assert _cell(TRAIN, SLICE).id != _cell(other, SLICE).id


def test_id_is_the_one_of_committed_results():
    # A change of the hash would make every committed result look missing.
    assert _cell(TRAIN).id == "f6609ea30fbe"


def test_parent_drops_the_last_step():
    last = _cell(TRAIN, SLICE, {"step": "finetune"}, criterion="pca", macs=0.5, stage="finetune")
    assert last.parent.labels["stage"] == "slice"
    assert last.parent.labels["criterion"] == "pca"
    assert last.parent.parent.id == _cell(TRAIN).id
    assert last.parent.parent.labels["stage"] == "dense"
    assert last.parent.parent.labels["criterion"] is None
    assert last.parent.parent.parent is None
    assert last.training.id == last.parent.parent.id == last.training.training.id


def test_filters():
    filters = parse_filters(["seed=0,1", "stage=dense"])
    assert _cell(TRAIN, seed=1, stage="dense").matches(filters)
    assert not _cell(TRAIN, seed=2, stage="dense").matches(filters)
    assert not _cell(TRAIN, seed=1, stage="slice").matches(filters)


@pytest.mark.parametrize("text", ["seed", "colour=red"])
def test_filter_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="label=value"):
        parse_filters([text])


@pytest.mark.parametrize(
    "kinds, stage",
    [
        ([], "dense"),
        (["slice"], "slice"),
        (["slice", "recalibrate"], "recalibrate"),
        (["fold"], "fold"),
        (["fold", "recalibrate", "finetune"], "fold+finetune"),
    ],
)
def test_stages_are_called_after_their_steps(kinds, stage):
    assert stage_of([TRAIN, *({"step": kind} for kind in kinds)]) == stage
