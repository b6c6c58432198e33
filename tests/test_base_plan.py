import pytest

from ccm_tf.base_plan import BasePlan
from ccm_tf.graph import ChannelGraph
from tests import zoo


class Nothing(BasePlan):
    """A plan that changes nothing."""

    def build(self, model, **options):
        return model

    def head(self):
        return "Plan (nothing"

    def rows(self):
        yield "  all stays"


def test_summary():
    counts = {"dense": {"macs": 200}, "kept": {"macs": 50}}
    lines = []
    plan = Nothing("x", {"macs": 0.25}, counts, ["as asked"])
    plan.summary(lines.append)
    assert lines[0] == "Plan (nothing, macs=0.25)" and lines[1] == "  all stays"
    assert "200" in lines[2] and "(25.0%)" in lines[2] and lines[3] == "  note: as asked"
    assert str(plan) == "\n".join(lines)


def test_another_model():
    graph = ChannelGraph(zoo.chain())
    Nothing(graph.fingerprint).check_model(graph)
    with pytest.raises(ValueError, match="'chain' has .* Make a plan for this model"):
        Nothing("x").check_model(graph)
