"""Layers that `keras.applications` defines for itself, known by the names of their classes."""

from ccm_tf.graph.flow import Effect, Flow
from ccm_tf.graph.handlers.common import first_input, same
from ccm_tf.graph.handlers.merge import elementwise_merge
from ccm_tf.graph.registry import register_handler
from ccm_tf.graph.trace import Call


@register_handler("LayerScale")
def layer_scale(call: Call, flow: Flow) -> Effect:
    """ConvNeXt: one factor per channel."""
    tensor = first_input(call)
    labels = flow.along(tensor, -1, call)
    if labels is None:
        return same(None)
    return same(flow.of(tensor), weights={"gamma": (labels,)}, config={"projection_dim": labels})


# InceptionResNetV2: the first tensor plus a multiple of the second.
register_handler("CustomScaleLayer")(elementwise_merge)
