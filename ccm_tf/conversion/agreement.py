"""How far a LiteRT file and the Keras model that it was made from agree."""

import dataclasses
from collections.abc import Iterable

import keras
import numpy as np

from ccm_tf.conversion.samples import Named, structured
from ccm_tf.litert import LiteRTModel

_SMALLEST = 1e-6


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far the outputs of a file and of its model differ on the same inputs.

    Attributes:
        samples: How many samples were compared.
        max_difference: Largest difference, relative to the largest value of that output.
        rms_difference: Root mean square of the differences, relative to that of the outputs.
        same_decision: Share of samples for which the same output is the largest; `None` if no
            output holds scores to choose between.
    """

    samples: int
    max_difference: float
    rms_difference: float
    same_decision: float | None


def agreement(model: keras.Model, file: LiteRTModel, inputs: Iterable[Named]) -> Agreement:
    """Runs a file beside its model.

    Args:
        model: A functional model.
        file: Its conversion.
        inputs: Batches of inputs by name.

    Returns:
        An `Agreement`; differences are NaN where the file returns NaN, infinite where an output
        has another shape.

    Raises:
        ValueError: If the model itself returns NaN or infinity.
    """
    pairs = [(_wanted(model, batch), _received(file, batch)) for batch in inputs]
    largest, squares, decisions = [0.0], [0.0], []
    for name in pairs[0][0]:
        want = [expected[name] for expected, _ in pairs]
        got = [received.get(name, np.empty(0)) for _, received in pairs]
        if any(w.shape != g.shape for w, g in zip(want, got, strict=True)):
            return Agreement(0, float("inf"), float("inf"), None)
        size = max(max(float(np.max(np.abs(w), initial=0.0)) for w in want), _SMALLEST)
        difference = [w.astype("float64") - g for w, g in zip(want, got, strict=True)]
        largest += [float(np.max(np.abs(d), initial=0.0)) / size for d in difference]
        squares.append(_rms(difference) / max(_rms(want), _SMALLEST))
        if want[0].ndim > 1 and want[0].shape[-1] > 1:
            decisions += [
                w.argmax(-1).ravel() == g.argmax(-1).ravel() for w, g in zip(want, got, strict=True)
            ]
    samples = sum(len(next(iter(want.values()))) for want, _ in pairs)
    same = float(np.mean(np.concatenate(decisions))) if decisions else None
    # Not `max`: it drops NaN.
    return Agreement(samples, float(np.max(largest)), float(np.max(squares)), same)


def _wanted(model: keras.Model, batch: Named) -> Named:
    # On the CPU, as LiteRT will be: a GPU may round products to fewer bits.
    with keras.device("cpu:0"):
        result = model(structured(model, batch), training=False)
    if isinstance(result, dict):
        values = result
    else:
        values = {f"output_{n}": value for n, value in enumerate(keras.tree.flatten(result))}
    arrays = {name: keras.ops.convert_to_numpy(value) for name, value in values.items()}
    if not all(np.all(np.isfinite(value)) for value in arrays.values()):
        raise ValueError(
            f"Model '{model.name}' returns NaN or infinity on these inputs, so its conversion "
            "cannot be checked. Look at its weights: they hold NaN, or its training diverged."
        )
    return arrays


def _received(file: LiteRTModel, batch: Named) -> Named:
    outputs = file(batch)
    return outputs if isinstance(outputs, dict) else {file.output_names[0]: outputs}


def _rms(values: list[np.ndarray]) -> float:
    flat = np.concatenate([np.asarray(value, "float64").ravel() for value in values])
    return float(np.sqrt(np.mean(flat**2))) if len(flat) else 0.0
