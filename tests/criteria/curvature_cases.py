"""The golden and the hand-checked layers, as criteria that know the curvature score them."""

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks
from tests.kfe import examples, golden


def scores(criterion, model, data):
    """Scores of the only layer."""
    graph = ChannelGraph(model)
    blocks = list(find_blocks(graph)[0].values())
    found = criterion.scores(graph, blocks, data, criterion.options(0))
    return found[blocks[0].name]


def golden_scores(kind, **settings):
    """Scores of the golden convolution."""
    criterion = kind(labels="empirical", loss=golden.linear_loss, **settings)
    return scores(criterion, golden.model(), golden.data())


def hand_scores(kind, rows, **settings):
    """Scores of a dense layer with weights (outputs, inputs) and the factors of the examples."""
    criterion = kind(labels="empirical", loss=golden.linear_loss, **settings)
    data = examples.cartesian(examples.A, examples.S)
    return scores(criterion, golden.dense(2, 2, rows.T), data)
