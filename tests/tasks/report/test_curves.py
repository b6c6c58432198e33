from tasks.report.curves import curves


def test_both_trainings_one_behind_the_other(report):
    page = curves(report["history"])
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


def test_without_validation_or_ccm(report):
    keys = ("epoch", "loss", "accuracy")
    history = {n: [{k: r[k] for k in keys} for r in rs] for n, rs in report["history"].items()}
    page = curves(history)
    assert page.count("<figure>") == 2 and "validation" not in page


def test_one_training_has_no_cut(report):
    assert "pruned</text>" not in curves({"dense": report["history"]["dense"], "finetuned": []})


def test_no_training_no_curves():
    assert curves({"dense": [], "finetuned": []}) == ""
