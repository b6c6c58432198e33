"""A Keras model as a flat list of calls, read from its serialised graph."""

from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.graph.calls import Call as Call
from ccm_tf.graph.calls import Tensor as Tensor
from ccm_tf.graph.calls import filled, key_of, tensors_in
from ccm_tf.graph.inlining import inlined
from ccm_tf.graph.serialised import functional_view as functional_view
from ccm_tf.graph.serialised import graph_config, is_graph_model, map_history, sorted_calls


class Trace:
    """A functional or sequential model as data that can be read and run.

    Reading it creates no variables and no nodes: it costs one `get_config`. Running it calls the
    model's own operations one by one, so a hook can look at every tensor, replace it, or call
    something else in an operation's place. On real tensors (eager or inside a compiled function)
    that leaves no mark on the model; on symbolic tensors it builds a new graph.

    Models among the layers are read too: their calls stand in the place of the call of the model,
    under their own names or, where these are taken, behind the name of their model.

    Args:
        model: A built `keras.Model`, functional or sequential.

    Raises:
        ValueError: If the model has no graph to read: subclassed or not built.

    Example:

    ```python
    trace = Trace(model)
    for call in trace.calls:
        print(call.name, [t.shape for t in call.inputs])
    same = trace.run(images)
    ```
    """

    def __init__(self, model: keras.Model):
        view = functional_view(model)
        config = graph_config(view, model)
        ops = {op.name: op for op in view.operations}
        self.name: str = model.name
        self.input_names: tuple[str, ...] = tuple(
            layer["name"] for layer in config["layers"] if not layer["inbound_nodes"]
        )
        self._input_configs = {
            layer["name"]: layer["config"]
            for layer in config["layers"]
            if not layer["inbound_nodes"]
        }
        calls, tensors = sorted_calls(config, ops, view)
        self.inputs: Any = map_history(config["input_layers"], tensors.__getitem__)
        outputs = map_history(config["output_layers"], tensors.__getitem__)
        self.calls, self.outputs = inlined(calls, outputs, _nested)
        self.last_uses = self._last_uses()

    @property
    def ops(self) -> dict[str, keras.Operation]:
        """Name to operation, each once, in order of first call."""
        return {call.name: call.op for call in self.calls}

    @property
    def flat_inputs(self) -> tuple[Tensor, ...]:
        return tuple(tensors_in(self.inputs))

    @property
    def flat_outputs(self) -> tuple[Tensor, ...]:
        return tuple(tensors_in(self.outputs))

    def run(
        self,
        inputs: Any,
        apply: Callable[[Call, tuple, dict], Any] | None = None,
    ) -> Any:
        """Calls every operation in order.

        Args:
            inputs: Tensors in the structure of the model's inputs.
            apply: `apply(call, args, kwargs)` returns the outputs of that call, in the structure
                in which the operation returns them. `args` and `kwargs` are the call's arguments
                with tensors filled in. Defaults to `call.op(*args, **kwargs)`.

        Returns:
            The outputs, in the structure of the model's outputs.
        """
        execution = Execution(self, inputs)
        for call in self.calls:
            execution.step(call, apply)
        return execution.outputs()

    def symbolic_inputs(self) -> Any:
        """New `keras.Input` tensors like the model's own, in the same structure and names."""
        made = {}
        for index, tensor in enumerate(self.flat_inputs):
            config = dict(self._input_configs[self.input_order[index]])
            made[key_of(tensor)] = keras.layers.InputLayer.from_config(config).output
        return filled(self.inputs, made)

    @property
    def input_order(self) -> tuple[str, ...]:
        """Names of the model's inputs in the flattened order of its inputs."""
        return tuple(self.input_names[t.index] for t in self.flat_inputs)

    def _last_uses(self) -> dict[int, list[tuple[int, int]]]:
        last: dict[tuple[int, int], int] = {}
        for call in self.calls:
            for tensor in (*call.inputs, *call.outputs):
                last[key_of(tensor)] = call.position
        for tensor in self.flat_outputs:
            last.pop(key_of(tensor), None)
        released: dict[int, list[tuple[int, int]]] = {}
        for key, position in last.items():
            released.setdefault(position, []).append(key)
        return released


class Execution:
    """A run of a trace that can be stopped between two calls.

    Args:
        trace: The trace.
        inputs: Tensors in the structure of the model's inputs.
    """

    def __init__(self, trace: Trace, inputs: Any):
        self._trace = trace
        given = keras.tree.flatten(inputs)
        self._values = dict(zip(map(key_of, trace.flat_inputs), given, strict=True))

    def step(self, call: Call, apply: Callable[[Call, tuple, dict], Any] | None = None) -> None:
        """Does one call; calls have to come in order. Tensors are let go after their last use."""
        args, kwargs = filled(call.args, self._values), filled(call.kwargs, self._values)
        result = call.op(*args, **kwargs) if apply is None else apply(call, args, kwargs)
        for index, value in enumerate(keras.tree.flatten(result)):
            self._values[call.position, index] = value
        for key in self._trace.last_uses.get(call.position, ()):
            self._values.pop(key, None)

    def value(self, tensor: Tensor) -> Any:
        """The value of a tensor that is still to be used."""
        return self._values[key_of(tensor)]

    def outputs(self) -> Any:
        """The model's outputs, once all calls are done."""
        return filled(self._trace.outputs, self._values)


def _nested(op: keras.Operation) -> Trace | None:
    """The trace of a layer that is itself a model with a graph."""
    return Trace(op) if is_graph_model(op) else None
