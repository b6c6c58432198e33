"""Attention transfer: where a network looks, whatever its channels are."""

from typing import Any

from keras import ops

# A map of zeros has no direction: the floor keeps its attention at zero and the gradient finite.
_FLOOR = 1e-12


def attention_map(features: Any, p: float = 2, axis: int = -1) -> Any:
    """Energy of each position of a feature map, as a vector of length 1 per sample.

    Args:
        features: Feature map (B, ..., C) with one to three spatial axes, any float dtype.
        p: Power of the absolute value that is averaged over channels. Defaults to 2.
        axis: The channel axis. Defaults to the last.

    Returns:
        float32 tensor (B, positions).

    Example:

    ```python
    attention_map(np.ones((2, 4, 4, 8)))  # 0.25 everywhere
    ```

    Reference:
        Zagoruyko and Komodakis, "Paying More Attention to Attention: Improving the Performance of
        Convolutional Neural Networks via Attention Transfer", 2017, arXiv 1612.03928.
    """
    features = ops.cast(features, "float32")
    powers = ops.square(features) if p == 2 else ops.power(ops.abs(features), p)
    energy = ops.mean(powers, axis=axis)
    positions = ops.reshape(energy, (ops.shape(energy)[0], -1))
    length = ops.sqrt(ops.maximum(ops.sum(ops.square(positions), axis=-1, keepdims=True), _FLOOR))
    return positions / length


def attention_transfer(teacher_map: Any, student_map: Any, p: float = 2, axis: int = -1) -> Any:
    r"""How differently two feature maps look at their images.

    The mean over samples and positions of $(Q_S - Q_T)^2$ with the attention maps Q of both.
    The maps may differ in channels, not in positions. No gradient goes into the teacher. Squared,
    since the plain norm of the difference has no gradient where both are equal: exactly where a
    student starts that is a copy of its teacher.

    Args:
        teacher_map: Feature map (B, ..., C).
        student_map: Feature map (B, ..., C') of the same positions.
        p: As for `attention_map`. Defaults to 2.
        axis: The channel axis of both. Defaults to the last.

    Returns:
        float32 scalar in [0, 2 / positions].

    Example:

    ```python
    loss = attention_transfer(teacher_features, student_features)
    ```

    Reference:
        Zagoruyko and Komodakis, 2017, arXiv 1612.03928. Mean and square are those of their code.
    """
    target = ops.stop_gradient(attention_map(teacher_map, p, axis))
    return ops.mean(ops.square(attention_map(student_map, p, axis) - target))
