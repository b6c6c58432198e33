"""Models of reduced precision as float32 models, the precision of their variables."""

from typing import Any

import keras

_REDUCED = {"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"}


def in_float32(model: keras.Model) -> keras.Model:
    """The model itself, or a copy with float32 policies if it computes in reduced precision."""
    try:
        config = model.get_config()
    except (NotImplementedError, TypeError, ValueError):
        # A layer that cannot be copied may still be converted as it is.
        return model
    plain = _float32_config(config)
    if plain == config:
        return model
    copy = keras.Model.from_config(plain)
    copy.set_weights(model.get_weights())
    return copy


def _float32_config(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy" and _is_reduced(value["config"]["name"]):
            return {**value, "config": {**value["config"], "name": "float32"}}
        return {
            key: "float32" if key == "dtype" and _is_reduced(item) else _float32_config(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_float32_config(item) for item in value)
    return value


def _is_reduced(dtype: Any) -> bool:
    return isinstance(dtype, str) and dtype in _REDUCED
