import numpy as np
import pytest

from ccm_tf.criteria import Random
from ccm_tf.graph import ChannelGraph
from tests import zoo

# What seed 0 gives: a change of the generator or the hash would show.
CONV1 = [0, 4, 1, 2, 3, 5]
CONV2 = [4, 7, 2, 6, 0, 1, 5, 3]


def orders(seed=0):
    graph = ChannelGraph(zoo.chain())
    return {
        graph.groups[i].name: r.order - graph.groups[i].roots.min()
        for i, r in Random(seed).rank(graph).items()
    }


def test_same_seed_same_ranking_in_every_process():
    assert orders()["conv1"].tolist() == CONV1
    assert orders()["conv2"].tolist() == CONV2


def test_seeds_and_layers_differ():
    assert orders(0)["conv2"].tolist() != orders(1)["conv2"].tolist()
    assert orders()["conv1"].tolist() != orders()["conv2"][:6].tolist()


def test_a_layer_is_ranked_alike_whatever_else_is_in_the_model():
    other = ChannelGraph(zoo.sequential())
    ranking = Random().rank(other)[0]
    assert other.groups[0].name == "conv1"
    assert (ranking.order - other.groups[0].roots.min()).tolist() == CONV1


def test_levels_are_comparable():
    for ranking in Random().rank(ChannelGraph(zoo.residual())).values():
        np.testing.assert_array_equal(ranking.level, -ranking.scores)
        assert ranking.scores.min() >= 0 and ranking.scores.max() <= 2


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match="seed"):
        Random(seed)
