"""What is left of a model whose channels are partly masked."""

import numpy as np

from ccm_tf.graph import ChannelGraph
from ccm_tf.replicas import alone as made_alone
from ccm_tf.slim import SlimCopy


class View:
    """A model without some of its channels, as criteria see it: no zeros.

    Args:
        graph: The `ChannelGraph` of the whole model.
        alive: Boolean, over its root labels: the channels that are left.

    Attributes:
        graph: The `ChannelGraph` of a slim copy.
        origins: For each root label of the slim graph the root label in the whole one; -1 where
            there is none.
    """

    def __init__(self, graph: ChannelGraph, alive: np.ndarray):
        with made_alone():
            copy = SlimCopy(graph, graph.kept(alive))
        self.graph = ChannelGraph(copy.model, graph.exact)
        self.origins = origins(graph, alive, self.graph)
        self._whole = graph
        self._alive = alive

    def back(self, mask: np.ndarray) -> np.ndarray:
        """A mask over the root labels of the slim graph as one over those of the whole graph."""
        alive = self._alive.copy()
        alive[self.origins[~mask & (self.origins >= 0)]] = False
        return alive[self._whole.labels_to_roots]


def origins(whole: ChannelGraph, alive: np.ndarray, slim: ChannelGraph) -> np.ndarray:
    """Where the channels of a slim model come from.

    Args:
        whole: The graph of the model before channels were removed.
        alive: Boolean, over its root labels: the channels that were left.
        slim: The graph of the slim model, whose layers have the same names.

    Returns:
        For each root label of `slim` the root label in `whole`; -1 for labels that are no roots.
    """
    found = np.full(len(slim.labels_to_roots), -1)
    made = {producer.name: producer.roots for producer in slim.producers}
    for producer in whole.producers:
        found[made[producer.name]] = producer.roots[alive[producer.roots]]
    return found
