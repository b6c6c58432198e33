"""How many images fit through a model at once."""

import math

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.trace import Trace

# Bytes of feature maps that are held at a time, well inside what small machines have.
_PASS = 2**29
_FOLD = 2**30


def images_per_pass(graph: ChannelGraph) -> int:
    """Images whose feature maps can all be looked at together; at most 256."""
    values = sum(math.prod(s or 1 for s in m.tensor.shape[1:]) for m in graph.feature_maps)
    return max(1, min(256, _PASS // (4 * max(values, 1))))


def images_to_fold(trace: Trace) -> int:
    """Images whose tensors in flight can be kept, of the dense and of the slim model."""
    return max(1, _FOLD // (8 * max(values_in_flight(trace), 1)))


def values_in_flight(trace: Trace) -> int:
    """The most numbers of one image that are alive at the same time."""
    sizes = {(-1, t.index): _size(t) for t in trace.flat_inputs}
    most = sum(sizes.values())
    for call in trace.calls:
        sizes.update({(t.call, t.index): _size(t) for t in call.outputs})
        most = max(most, sum(sizes.values()))
        for key in trace.last_uses.get(call.position, ()):
            sizes.pop(key, None)
    return most


def _size(tensor) -> int:
    return math.prod(size or 1 for size in tensor.shape[1:])
