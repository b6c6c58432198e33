"""Which layers' outputs are the feature maps to correlate."""

import keras

from ccm_tf.graph.channel_graph import ChannelGraph


def feature_layers(model: keras.Model) -> list[keras.Operation]:
    """The layers whose outputs are the feature maps that CCM-loss acts on.

    These are the maps from which a convolution reads: taken after normalisation, activation,
    residual addition and max-pooling, where channels can be removed. In VGG-16 that makes the
    twelve maps of the paper, in ResNet-56 fifty-five.

    Args:
        model: A built functional or sequential model.

    Returns:
        The model's own layers in order of execution, each once. Where a map is made by a raw
        operation such as `x + y`, this is a `keras.Operation`, which `ccm_tf.CCMLoss` takes too.

    Raises:
        ValueError: If the model is subclassed or not built.

    Example:

    ```python
    model = ccm_tf.Model.from_model(model)
    for layer in ccm_tf.feature_layers(model):
        model.add_loss(ccm_tf.CCMLoss(layer))
    ```

    Reference:
        Wang et al., "Filter Pruning For CNN With Enhanced Linear Representation Redundancy",
        2023, arXiv 2310.06344.
    """
    graph = ChannelGraph(model)
    ops = graph.trace.ops
    names = dict.fromkeys(m.layer for m in graph.feature_maps if m.conv_read)
    return [ops[name] for name in names]
