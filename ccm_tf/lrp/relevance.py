"""Relevance maps of a few images, to look at."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph
from ccm_tf.lrp.passes import Place, relevances
from ccm_tf.lrp.settings import Settings


def relevance(
    model: keras.Model,
    images: Any,
    labels: Any,
    layers: Iterable[str] | None = None,
    *,
    alpha: float = 2.0,
    reference: bool = False,
) -> dict[str, np.ndarray]:
    """Traces a classifier's answer back to its feature maps, by layer-wise relevance propagation.

    Relevance 1 starts at the logit of each image's label and is handed back layer by layer, to
    what spoke for it and, with the other sign, to what spoke against it. No layer makes any or
    loses any, but for biases. Batch normalisation and activations pass it on; a residual sum parts
    it by what each summand contributes.

    Args:
        model: A functional or sequential classifier.
        images: Its inputs, a few: the maps of all of them are held in memory.
        labels: Class numbers or one-hot labels.
        layers: Names of the layers or operations whose outputs to look at, or of inputs. Defaults
            to `None`: the model's inputs and every feature map (`ccm_tf.feature_layers`).
        alpha: Weight of what speaks for an answer; what speaks against it has `alpha - 1`.
            Defaults to 2.
        reference: Follow the code published with the paper of `"relevance"` where it departs
            from this. Defaults to `False`.

    Returns:
        Name to an array like the output of that layer: (images, ..., channels).

    Raises:
        ValueError: If the model is no classifier, a name is unknown, or labels are missing or out
            of range.

    Example:

    ```python
    maps = ccm_tf.relevance(model, images, labels)
    heat = maps["input_layer"].sum(axis=-1)  # (images, height, width)
    ```

    Reference:
        S. Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by
        Layer-Wise Relevance Propagation", 2015, PLOS ONE 10(7).
    """
    settings = Settings(alpha, alpha - 1, reference)
    graph = ChannelGraph(model)
    tensors = _tensors(graph)
    if layers is None:
        layers = [*graph.trace.input_order, *(m.layer for m in graph.feature_maps)]
    names = list(dict.fromkeys(layers))
    unknown = [name for name in names if name not in tensors]
    if unknown:
        raise ValueError(
            f"Model '{model.name}' has no layer {unknown[0]!r}. Its layers: {', '.join(tensors)}."
        )
    places = [Place(tensors[name]) for name in names]
    parts = [batch.found for batch in relevances(graph, (images, labels), places, settings)]
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}


def _tensors(graph: ChannelGraph) -> dict[str, Any]:
    """The first output of each input and operation, by name."""
    trace = graph.trace
    found = dict(zip(trace.input_order, trace.flat_inputs, strict=True))
    for call in trace.calls:
        found.setdefault(call.name, call.outputs[0])
    return found
