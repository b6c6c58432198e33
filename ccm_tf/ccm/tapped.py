"""Running a model with some of its outputs tapped."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ccm_tf.ccm import fused
from ccm_tf.ccm.loss import CCMLoss, ccm_scores
from ccm_tf.graph.trace import Call, Trace

Watched = tuple[CCMLoss, keras.Operation]


class TappedModel:
    """A functional or sequential model whose call also returns CCM scores.

    It runs the model's own layers through `Trace`, so they get no nodes, losses or attributes.

    Args:
        model: The model. Must be built.
    """

    def __init__(self, model: keras.Model):
        self.trace = Trace(model)
        inputs = self.trace.symbolic_inputs()
        # Keras's own conversion of what a model may be called with: arrays, dicts, other dtypes.
        self._standardise = keras.Model(inputs, inputs)
        self._standardise.supports_masking = True

    def __call__(
        self,
        watched: Sequence[Watched],
        inputs: Any,
        training: bool = True,
        mask: Any = None,
        **context: Any,
    ) -> tuple[Any, list[int], Any]:
        """Calls the model.

        Args:
            watched: The losses, at least one, each with the operation that it watches. An
                operation may have several.
            inputs: What the model is called with.
            training: As in `keras.Model`.
            mask: Likewise, masks of the inputs.
            **context: Further arguments for those layers whose `call` takes them.

        Returns:
            The model's outputs; for each call of a watched operation, the place of its loss in
            `watched`; and S of each of these calls, a tensor of shape `(calls,)`.
        """
        losses = [loss for loss, _ in watched]
        by_op: dict[int, list[int]] = {}
        for index, (_, op) in enumerate(watched):
            by_op.setdefault(id(op), []).append(index)
        tapped: list[tuple[int, Any]] = []

        def apply(call: Call, args: tuple, kwargs: dict) -> Any:
            outputs = call.op(*args, **{**kwargs, **_passed_on(call.op, training, context)})
            for index in by_op.get(id(call.op), ()):
                tap = _Tap(losses[index].over)
                outputs = tap(outputs)
                tapped.append((index, tap.statistics))
            return outputs

        outputs = self.trace.run(self._standardise(inputs, mask=mask), apply)
        indices = [index for index, _ in tapped]
        values = ccm_scores([losses[index] for index in indices], [s for _, s in tapped])
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
            outputs = outputs[0]
        return outputs, indices, ops.stack(values)


class _Tap(keras.layers.Layer):
    """Keeps the statistics of what goes through. A layer, because Keras then carries masks."""

    def __init__(self, over: str):
        super().__init__(name="ccm_tap")
        self.over = over
        self.supports_masking = True
        self.autocast = False
        self.statistics: Any = None

    def call(self, inputs):
        outputs, statistics = fused.tap(inputs, self.over)
        self.statistics = statistics
        return outputs


def _passed_on(op, training, context):
    """The call arguments that Keras too would pass on: `training` to every layer."""
    if not isinstance(op, keras.layers.Layer):
        return {}
    taken = {k: v for k, v in context.items() if k in op.call_signature_parameters}
    return {"training": training, **taken}
