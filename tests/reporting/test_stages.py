import numpy as np
import pytest

from ccm_tf.profile import Profile
from ccm_tf.reporting.stages import KEYS, given_figures, stages_of
from tests.reporting.schema import schema

BEFORE = Profile((), 100, 1000, 400, "keras")
AFTER = Profile((), 50, 250, 200, "keras")


def test_dense_and_pruned_without_evaluations():
    stages, how = stages_of(BEFORE, AFTER, {})
    assert [stage["name"] for stage in stages] == ["dense", "pruned"]
    assert [stage["macs"] for stage in stages] == [1000, 250]
    assert how == {"bytes": "weights"}


def test_in_the_order_given_with_what_was_measured():
    given = given_figures(
        {"finetuned": 0.9, "dense": np.float32(0.95), "int8": {"accuracy": 0.89, "bytes": 60}}
    )
    stages, how = stages_of(BEFORE, AFTER, given)
    assert [stage["title"] for stage in stages] == ["dense", "fine-tuned", "int8 file"]
    assert stages[0]["accuracy"] == pytest.approx(0.95) and stages[1]["bytes"] == 200
    assert stages[2]["bytes"] == 60 and how["accuracy"] == "as given"


def test_the_size_of_another_kind_of_file_is_not_guessed():
    stages, _ = stages_of(BEFORE, AFTER, given_figures({"gzip": 0.9}))
    assert stages[1]["title"] == "gzip" and stages[1]["bytes"] is None


def test_further_numbers_are_kept():
    (figures,) = given_figures({"int8": {"accuracy": 0.9, "samples": 100, "format": "x"}}).values()
    assert figures == {"accuracy": 0.9, "samples": 100, "format": "x"}


@pytest.mark.parametrize(
    "evaluation,message",
    [
        (93.4, "'accuracy' of stage 'pruned' must be a share from 0 to 1. Received: 93.4"),
        (float("nan"), "must be a share from 0 to 1. Received: nan"),
        ("good", "must be a share from 0 to 1. Received: 'good'"),
        ({"latency_ms": 0}, "'latency_ms' of stage 'pruned' must be a number above 0"),
        ({"accuracy": 0.5, "loss": float("inf")}, "'loss' of stage 'pruned' must be a finite"),
        ({"acuracy": 0.5}, "stage 'pruned' holds none of accuracy, params.*'acuracy'"),
    ],
)
def test_what_is_no_evaluation(evaluation, message):
    with pytest.raises(ValueError, match=message):
        given_figures({"pruned": evaluation})


def test_names_of_other_parts_of_a_report_are_refused():
    assert set(schema("report.schema.json")["properties"]) == KEYS
    with pytest.raises(ValueError, match="No stage can be called 'plan'.*avoid: correlations, "):
        given_figures({"plan": 0.9})
