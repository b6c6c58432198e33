"""Configs of layers, from Keras 3 to tf_keras and back."""

import inspect
from typing import Any

_ALWAYS = {"name", "trainable", "dtype"}
# Named otherwise in tf_keras.
_RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}}
# About how a layer is run or was made, not about what it computes.
_IGNORED = {
    "batch_input_shape",
    "batch_shape",
    "build_config",
    "flash_attention",
    "implementation",
    "key_shape",
    "query_shape",
    "quantization_config",
    "seed",
    "time_major",
    "unroll",
    "value_shape",
}


def rebuilt(config: dict[str, Any], source: type, target: type, home: Any, there: Any) -> Any:
    """A layer of the other Keras from a config.

    Args:
        config: What the layer's `get_config` returned.
        source: Its class.
        target: The class of the same name in the other Keras.
        home: The module `keras` or `tf_keras` that the layer is from.
        there: The other one.

    Raises:
        ValueError: If a setting that the other class lacks is in use.
    """
    given = converted(config, source, target, home, there)
    trainable = given.pop("trainable", True)
    try:
        if any(isinstance(given.get(key), dict) for key in ("layer", "backward_layer", "cell")):
            layer = target.from_config(given)  # type: ignore[attr-defined]
        else:
            layer = target(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{there.__name__} does not take layer '{config.get('name')}' ({source.__name__}): "
            f"{error}"
        ) from error
    layer.trainable = trainable
    return layer


def converted(
    config: dict[str, Any], source: type, target: type, home: Any, there: Any
) -> dict[str, Any]:
    """The config of a layer for the class of the same name in the other Keras; see `rebuilt`."""
    forward = _RENAMED.get(source.__name__, {})
    renamed = {**forward, **{new: old for old, new in forward.items()}}
    known = _parameters(target)
    defaults = _parameters(source)
    made = {}
    for key, value in config.items():
        name = renamed.get(key, key) if key not in known else key
        if name in known or name in _ALWAYS:
            made[name] = _value(name, value, home, there)
        elif key.endswith("_initializer"):
            # Nothing is initialised: the weights come along.
            continue
        elif key not in _IGNORED and not _is_default(value, defaults.get(key)):
            raise ValueError(
                f"Layer '{config.get('name')}' ({source.__name__}) has {key}={value!r}, which "
                f"{there.__name__} does not know. Change that setting, or replace the layer."
            )
    return made


def _parameters(cls: type) -> dict[str, Any]:
    """Named arguments of a class, also those that it hands on, with their defaults."""
    found: dict[str, Any] = {}
    for kind in cls.__mro__[:-1]:
        own = vars(kind).get("__init__")
        if own is None:
            continue
        parameters = inspect.signature(inspect.unwrap(own)).parameters.values()
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.setdefault(parameter.name, parameter.default)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    found.pop("self", None)
    return found


def _is_default(value: Any, default: Any) -> bool:
    return value is None or value is False or value == default


def _value(name: str, value: Any, home: Any, there: Any) -> Any:
    if name == "dtype":
        return policy_name(value)
    if name == "axis" and isinstance(value, (list, tuple)) and len(value) == 1:
        return int(value[0])
    if isinstance(value, dict) and {"class_name", "config"} <= set(value):
        return _object(value, home, there)
    return value


def _object(value: dict[str, Any], home: Any, there: Any) -> Any:
    """An initializer, regularizer, constraint, function or layer inside a layer's config."""
    kind, config = value["class_name"], value["config"]
    if isinstance(config, str):
        # A function by its name.
        return config
    source, target = getattr(home.layers, kind, None), getattr(there.layers, kind, None)
    if isinstance(source, type) and isinstance(target, type):
        return {"class_name": kind, "config": converted(config, source, target, home, there)}
    for part in ("initializers", "regularizers", "constraints"):
        cls = getattr(getattr(there, part), kind, None)
        if cls is not None:
            known = _parameters(cls)
            return {"class_name": kind, "config": {k: v for k, v in config.items() if k in known}}
    raise ValueError(f"{there.__name__} has no {kind}, which the config of a layer names.")


def policy_name(dtype: Any) -> str:
    """`"float32"`, `"mixed_float16"`, ... from whatever a config holds."""
    if isinstance(dtype, dict):
        return policy_name(dtype["config"].get("name", "float32"))
    return str(getattr(dtype, "name", dtype) or "float32")
