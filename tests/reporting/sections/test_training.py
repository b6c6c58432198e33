import pytest

from ccm_tf.reporting.sections.training import training
from tests.reporting import examples


def drawn(history):
    return training(examples.content(history=history))


def test_both_trainings_one_behind_the_other():
    page = drawn(examples.history())
    assert page.count("<figure>") == 3
    for text in (
        "training <b>60.00 %</b>",
        "validation <b>50.00 %</b>",
        "mean of layers",
        "pruned",
    ):
        assert text in page
    # Two layers in two trainings.
    assert page.count('polyline class="faint"') == 4


def test_rounds_are_marked_with_their_numbers():
    dense, again = examples.history().values()
    page = drawn({"dense": dense, "finetuned_1": again, "finetuned_2": again})
    assert ">round 1</text>" in page and ">round 2</text>" in page and "pruned" not in page


def test_without_validation_or_ccm():
    keys = ("epoch", "loss", "accuracy")
    found = {n: [{k: r[k] for k in keys} for r in rs] for n, rs in examples.history().items()}
    page = drawn(found)
    assert page.count("<figure>") == 2 and "validation" not in page


@pytest.mark.parametrize("finetuned", [{}, {"finetuned": []}])
def test_one_training_has_no_cut(finetuned):
    page = drawn({"dense": examples.history()["dense"], **finetuned})
    assert "<figure>" in page and "pruned</text>" not in page


@pytest.mark.parametrize("history", [{}, {"dense": [], "finetuned": []}])
def test_no_training_no_curves(history):
    assert drawn(history) == ""
