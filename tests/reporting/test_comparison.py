import pytest

from ccm_tf.reporting.comparison import compared, pareto
from tests.reporting import examples
from tests.reporting.schema import check


def test_the_front_holds_what_nothing_beats():
    points = [(10, 0.9), (5, 0.8), (5, 0.7), (7, 0.8), (20, 0.9), (4, 0.1)]
    assert pareto(points) == [True, True, False, False, False, True]


def test_equals_are_both_on_the_front():
    assert pareto([(1, 0.5), (1, 0.5)]) == [True, True]


def test_runs_with_all_their_networks():
    values = compared(examples.runs())
    check(values, "comparison.schema.json")
    first = values["runs"][0]
    assert (first["name"], first["folder"], first["method"]) == ("run_0", "out/run_0", "pca")
    assert [point["stage"] for point in first["points"]] == [
        "dense", "pruned", "finetuned", "tflite", "int8",
    ]  # fmt: skip
    best = {
        (run["name"], point["stage"])
        for run in values["runs"]
        for point in run["points"]
        if point["best"]
    }
    assert ("run_0", "finetuned") in best and ("run_0", "int8") not in best
    assert values["title"] == "Accuracy against MACs: 7 runs"


def test_runs_on_other_images_are_noted():
    assert compared(examples.runs()[:3])["notes"] == []
    (note,) = compared(examples.runs())["notes"]
    assert "saw different images" in note and "run_6: other images" in note


@pytest.mark.parametrize(
    "folders,names",
    [
        (["out/a", "out/b"], ["a", "b"]),
        (["x/out", "y/out"], ["x/out", "y/out"]),
        (["a", "b/a"], ["a", "b/a"]),
    ],
)
def test_names_are_short_and_tell_runs_apart(folders, names):
    values = compared([(folder, examples.values()) for folder in folders])
    assert [run["name"] for run in values["runs"]] == names


def test_a_run_with_rounds_and_one_without_a_plan():
    values = compared([("rounds", examples.round_values()), ("bare", examples.bare("how"))])
    check(values, "comparison.schema.json")
    assert [run["method"] for run in values["runs"]] == ["eigendamage", "by hand"]


def test_without_labels_there_is_nothing_to_compare():
    report = examples.values()
    for name in report["stages"]:
        report[name]["accuracy"] = None
    with pytest.raises(ValueError, match="run in 'out/x' has no accuracies.*Leave it out"):
        compared([("out/x", report)])
