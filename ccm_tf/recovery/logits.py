"""Distillation of outputs, and what the logits of an output are."""

from typing import Any

from keras import ops

from ccm_tf.graph.trace import Trace
from ccm_tf.statistics.objective import last_activation

MEASURES = ("kl", "mse")
# Smallest normal float32: the logarithm of a probability that vanished.
_TINY = 1.2e-38


def logits_distillation(
    teacher: Any, student: Any, temperature: float = 4.0, measure: str = "kl"
) -> Any:
    r"""How far a student's logits are from its teacher's.

    `"kl"` is $T^2 \cdot KL(softmax(t / T) \| softmax(s / T))$, averaged over everything but
    classes; where there is one class, the divergence of the two Bernoulli distributions. The
    factor keeps the size of gradients whatever the temperature. `"mse"` is the mean square of
    $t - s$. No gradient goes into the teacher.

    Args:
        teacher: Logits (B, ..., classes).
        student: Logits of the same shape.
        temperature: T > 0; the higher, the more wrong classes count. Defaults to 4.
        measure: `"kl"` or `"mse"`. Defaults to `"kl"`.

    Returns:
        float32 scalar, >= 0.

    Example:

    ```python
    loss = logits_distillation(teacher(images), student(images), temperature=4.0)
    ```

    Reference:
        Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015,
        arXiv 1503.02531.
    """
    teacher = ops.stop_gradient(ops.cast(teacher, "float32"))
    student = ops.cast(student, "float32")
    if measure == "mse":
        return ops.mean(ops.square(teacher - student))
    if student.shape[-1] == 1:
        teacher, student = (ops.concatenate([x, ops.zeros_like(x)], -1) for x in (teacher, student))
    # By logarithms, where Keras's own loss clips probabilities: shifts of the logits change
    # nothing, and classes that are all but ruled out keep their gradient.
    target = ops.log_softmax(teacher / temperature, axis=-1)
    guess = ops.log_softmax(student / temperature, axis=-1)
    divergence = ops.sum(ops.exp(target) * (target - guess), axis=-1)
    return temperature**2 * ops.mean(divergence)


def output_kinds(trace: Trace) -> list[str]:
    """What each output of a model is: `"softmax"`, `"sigmoid"` or `"logits"`, by its last layer."""
    return [last_activation(trace, tensor) or "logits" for tensor in trace.flat_outputs]


def to_logits(output: Any, kind: str) -> Any:
    """Logits from an output: probabilities go back through their logarithm.

    For softmax these are the logits less a constant per sample, which no softmax sees.

    Args:
        output: Output of a model.
        kind: As from `output_kinds`.

    Returns:
        float32 tensor.
    """
    output = ops.cast(output, "float32")
    if kind == "softmax":
        return ops.log(ops.maximum(output, _TINY))
    if kind == "sigmoid":
        rest = ops.maximum(1.0 - output, _TINY)
        return ops.log(ops.maximum(output, _TINY)) - ops.log(rest)
    return output
