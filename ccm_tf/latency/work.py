"""Which LiteRT operators a Keras model becomes, with the labels of their channels."""

import dataclasses

# Registers who knows which layer.
import ccm_tf.latency.layers  # noqa: F401
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.reader import Reader, Work, handler_for, is_free


@dataclasses.dataclass(frozen=True)
class ModelWork:
    """What a model becomes.

    Attributes:
        works: Its operators.
        unknown: Layers of whose operators nothing is known; they count nothing.
    """

    works: tuple[Work, ...]
    unknown: tuple[str, ...]


def model_work(graph: ChannelGraph) -> ModelWork:
    """The operators that the converter makes of a model.

    It folds batch normalisation and zero padding into the convolutions beside them and rectifiers
    into whatever computes before them, so these cost nothing of their own there.

    Args:
        graph: The model's channel graph; sizes must be known but for the batch.

    Raises:
        ValueError: If the model leaves sizes of its input open.
    """
    opened = [t.shape for t in graph.trace.flat_inputs if any(s is None for s in t.shape[1:])]
    if opened:
        raise ValueError(
            f"Latency cannot be predicted: the model's input has unknown sizes {opened}. Build the "
            "model for the size that it will run at."
        )
    reader = Reader(graph)
    works: list[Work] = []
    unknown: list[str] = []
    for call in graph.trace.calls:
        handler = handler_for(call.op)
        found = None if handler is None else handler(reader, call)
        if found is not None:
            works += found
        elif graph.effects[call.position].macs or not is_free(call.op):
            unknown.append(call.name)
    return ModelWork(tuple(works), tuple(dict.fromkeys(unknown)))
