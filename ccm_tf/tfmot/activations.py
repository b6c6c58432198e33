"""Activations that have the same name but not the same values in the two Keras."""

from collections.abc import Callable
from typing import Any

# silu(x) = swish(x) = x sigmoid(x); tf_keras reads both names, but writes "swish".
_RENAMED = {"swish": "silu"}


def split_off(config: dict[str, Any], there: Any) -> tuple[dict[str, Any], Callable | None]:
    """Takes an activation that the other Keras lacks out of a layer's config.

    Args:
        config: The layer's config.
        there: The other Keras, `keras` or `tf_keras`.

    Returns:
        The config, without the activation if it has to be built from layers, and then a function
        `build(tensor, name)` that does so.
    """
    name = config.get("activation")
    if not isinstance(name, str):
        return config, None
    table = _FOR_KERAS if there.__name__ == "keras" else _FOR_TF_KERAS
    if name not in table:
        return {**config, "activation": _RENAMED.get(name, name)}, None

    def build(tensor: Any, layer: str) -> Any:
        return table[name](there.layers, tensor, f"{layer}_{name}")

    return {**config, "activation": "linear"}, build


def _hard_sigmoid(layers: Any, tensor: Any, name: str) -> Any:
    """relu6(x + 3) / 6, as Keras 3 defines it."""
    shifted = layers.Rescaling(1.0, 3.0, name=f"{name}_shift")(tensor)
    clipped = layers.ReLU(6.0, name=f"{name}_clip")(shifted)
    return layers.Rescaling(1 / 6, name=name)(clipped)


def _hard_silu(layers: Any, tensor: Any, name: str) -> Any:
    """x relu6(x + 3) / 6."""
    return layers.Multiply(name=name)([tensor, _hard_sigmoid(layers, tensor, f"{name}_gate")])


def _old_hard_sigmoid(layers: Any, tensor: Any, name: str) -> Any:
    """The slope 0.2 of tf_keras, between 0 and 1."""
    sloped = layers.Rescaling(0.2, 0.5, name=f"{name}_slope")(tensor)
    return layers.ReLU(1.0, name=name)(sloped)


_FOR_TF_KERAS = {
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
}
_FOR_KERAS = {"hard_sigmoid": _old_hard_sigmoid}
