import numpy as np

import ccm_tf
from ccm_tf.gradual.view import View
from ccm_tf.graph import ChannelGraph
from tests import zoo


def test_the_view_is_the_slim_model_and_leads_back():
    model = zoo.randomise(zoo.residual())
    plan = zoo.random_plan(model)
    graph = ChannelGraph(model)
    alive = plan.root_mask(graph)[graph.labels_to_roots]
    view = View(graph, alive)
    assert view.graph.model.count_params() == ccm_tf.rewrite(model, plan).count_params()
    np.testing.assert_array_equal(view.back(view.graph.all_kept()), alive)
    mask = view.graph.all_kept()
    conv = next(p for p in view.graph.producers if p.name == "b1_conv1")
    mask[conv.roots[0]] = False
    full = next(p for p in graph.producers if p.name == "b1_conv1")
    expected = alive.copy()
    expected[full.roots[plan.kept["b1_conv1"][0]]] = False
    np.testing.assert_array_equal(view.back(mask), expected)
    assert view.origins[conv.roots[0]] == full.roots[plan.kept["b1_conv1"][0]]
