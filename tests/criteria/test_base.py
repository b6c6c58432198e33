"""What holds for every criterion in the registry."""

import numpy as np
import pytest

from ccm_tf.criteria import criteria
from ccm_tf.graph import ChannelGraph
from tests import zoo

QUIET = pytest.mark.filterwarnings(
    "ignore:Group:UserWarning",
    "ignore:No feature map:UserWarning",
    "ignore:No plain convolution:UserWarning",
    "ignore:No batch normalisation:UserWarning",
)


# Criteria that rank fewer units, on purpose: curvature leaves out grouped and depthwise layers, and
# `feature_map` what no layer's own output shows.
PARTIAL = {"feature_map", "kron_obd", "kron_obs", "obd", "obs"}


@pytest.fixture(scope="module", params=[m.__name__ for m in zoo.MODELS])
def case(request):
    model = getattr(zoo, request.param)()
    zoo.randomise(model)
    return ChannelGraph(model), (zoo.inputs_for(model, batch=12), zoo.labels_for(model, batch=12))


@pytest.mark.parametrize("name", criteria())
@QUIET
def test_rankings_are_permutations_of_the_free_channels(name, case):
    graph, data = case
    if name == "relevance" and len(graph.trace.flat_outputs) > 1:
        with pytest.raises(ValueError, match="one output with a number per class"):
            criteria()[name]().rank(graph, data)
        return
    rankings = criteria()[name]().rank(graph, data)
    seen = 0
    for group in graph.groups:
        if name in PARTIAL:
            if group.index in rankings:
                seen += 1
                order = rankings[group.index].order
                assert len(set(order.tolist())) == len(order) > 0
                assert np.isin(order, group.roots).all()
            continue
        free = group.roots
        if criteria()[name].needs_data:
            shown = [m.roots for m in group.feature_maps]
            free = np.intersect1d(free, np.concatenate(shown) if shown else [])
        assert (group.index in rankings) == bool(len(free))
        if len(free):
            seen += 1
            ranking = rankings[group.index]
            np.testing.assert_array_equal(np.sort(ranking.order), np.sort(free))
            assert np.all(np.diff(ranking.scores) <= 0)
            assert np.all(np.diff(ranking.level) >= 0)
            assert ranking.cut(1e-9) == 1
            assert ranking.cut(1.0) == len(free)
    assert seen == len(rankings) > 0


@QUIET
@pytest.mark.parametrize("name", criteria())
def test_ranking_is_deterministic_and_leaves_the_model_alone(name):
    model = zoo.residual()
    before = model.get_weights()
    data = zoo.inputs_for(model, batch=6), zoo.labels_for(model, batch=6)
    first, again = (criteria()[name]().rank(ChannelGraph(model), data) for _ in range(2))
    for index in first:
        np.testing.assert_array_equal(first[index].order, again[index].order)
        np.testing.assert_array_equal(first[index].scores, again[index].scores)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@QUIET
@pytest.mark.parametrize("name", criteria())
def test_missing_data(name):
    graph = ChannelGraph(zoo.chain())
    if not criteria()[name].needs_data:
        assert criteria()[name]().rank(graph)
        return
    with pytest.raises(ValueError, match=f"'{name}'.*needs data"):
        criteria()[name]().rank(graph)
    if criteria()[name].needs_labels:
        with pytest.raises(ValueError, match="Labels are needed"):
            criteria()[name]().rank(graph, zoo.inputs_for(graph.model))


@pytest.mark.parametrize("name", criteria())
def test_documentation_has_arguments_and_an_example(name):
    text = criteria()[name].__doc__
    assert "Args:" in text and "```python" in text
