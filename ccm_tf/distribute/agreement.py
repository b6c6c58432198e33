"""Whether all workers hold the same model."""

import hashlib
import json
from typing import Any

import keras
import numpy as np


def model_hash(model: keras.Model) -> str:
    """A hash of what a model computes: its layers, their settings, and every bit of its weights.

    Args:
        model: A built model.

    Returns:
        64 hexadecimal digits.

    Example:

    ```python
    assert ccm_tf.distribute.model_hash(model) == ccm_tf.distribute.model_hash(same)
    ```
    """
    digest = hashlib.sha256()
    # Objects without a word in JSON count by their class: their addresses differ everywhere.
    text = json.dumps(_config(model), sort_keys=True, default=lambda o: type(o).__name__)
    digest.update(text.encode())
    for weight in model.weights:
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{weight.path} {value.dtype} {value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _config(model: keras.Model) -> Any:
    try:
        return model.get_config()
    except NotImplementedError:
        # Subclassed models need not say what they are made of.
        return [type(model).__name__, [layer.name for layer in model.layers]]


def check_same_model(model: keras.Model, strategy: Any) -> str:
    """Raises unless all workers hold the same model. All workers must call it.

    Args:
        model: This worker's model.
        strategy: A `Strategy`.

    Returns:
        The model's hash.

    Raises:
        RuntimeError: If a worker's model is another one than the chief's, on every worker.

    Example:

    ```python
    slim = ccm_tf.rewrite(model, plan)
    ccm_tf.distribute.check_same_model(slim, strategy)
    ```
    """
    own = model_hash(model)
    hashes = [one.decode() for one in strategy.gather(own.encode())]
    others = [index for index, one in enumerate(hashes) if one != hashes[0]]
    if others:
        raise RuntimeError(
            f"Worker(s) {', '.join(map(str, others))} hold another model '{model.name}' than the "
            f"chief (hashes {', '.join(one[:8] for one in hashes)}). They read other files or ran "
            "other code: look at --output_dir and at the versions on every machine."
        )
    return own
