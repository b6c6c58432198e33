"""The model that is made smaller: checked, and with a fixed size of image."""

import keras

from ccm_tf.graph import ChannelGraph, Trace
from tasks.outputs import Outputs

_LIBRARY = "Use `ccm_tf.plan` and `ccm_tf.rewrite` in your own code for it."


def prepared(model: keras.Model, image_size: tuple[int, int] | None) -> keras.Model:
    """Checks that a model takes one image and has channels to remove.

    Args:
        model: The model as it was read.
        image_size: Height and width for models that take images of any size.

    Returns:
        The model; a copy for images of a fixed size if it left the size open.

    Raises:
        ValueError: If the model is subclassed, quantised or has LoRA, takes something else than
            one image, or has no channel that could be removed.
    """
    trace = Trace(model)
    if len(trace.flat_inputs) != 1:
        raise ValueError(
            f"Model '{model.name}' has the inputs {', '.join(trace.input_order)}; this program "
            f"reads one image. {_LIBRARY}"
        )
    batch, *shape = trace.flat_inputs[0].shape
    if len(shape) != 3:
        raise ValueError(
            f"Model '{model.name}' takes inputs of shape {tuple(shape)}; this program reads images "
            f"(height, width, channels). {_LIBRARY}"
        )
    wanted = (*_side_lengths(model.name, shape[:2], image_size), _channels(model.name, shape))
    if (batch, *shape) != (None, *wanted):
        model = _fixed(model, wanted)
    ChannelGraph(model).check_free()
    return model


def _channels(name: str, shape: list[int | None]) -> int:
    if shape[-1] is None or (shape[-1] not in (1, 3, 4) and shape[0] in (1, 3, 4)):
        raise ValueError(
            f"Model '{name}' takes inputs of shape {tuple(shape)}, which look like (channels, "
            "height, width); this program reads images (height, width, channels). Build the model "
            f"with data_format='channels_last', or take care of it yourself. {_LIBRARY}"
        )
    return shape[-1]


def _side_lengths(
    name: str, sides: list[int | None], image_size: tuple[int, int] | None
) -> tuple[int, int]:
    if image_size is None:
        if None in sides:
            raise ValueError(
                f"Model '{name}' takes images of any size, so its MACs are unknown. Pass the size "
                "that it will run at, for example --image_size=96"
            )
        return sides[0], sides[1]  # type: ignore[return-value]
    if any(side not in (None, wanted) for side, wanted in zip(sides, image_size, strict=True)):
        raise ValueError(
            f"Model '{name}' takes images of {sides[0]}x{sides[1]} pixels. Received: "
            f"--image_size={image_size[0]},{image_size[1]}. Leave the flag out."
        )
    return image_size


def _fixed(model: keras.Model, shape: tuple[int, int, int]) -> keras.Model:
    trace = Trace(model)
    (name,), (tensor,) = trace.input_order, trace.flat_inputs
    inputs = keras.Input(shape, name=name, dtype=tensor.dtype)
    copy = keras.models.clone_model(model, input_tensors=inputs)
    copy.set_weights(model.get_weights())
    return copy


def described(model: keras.Model) -> str:
    """One line on a model.

    Args:
        model: What `prepared` returned.
    """
    height, width, channels = model.input_shape[1:]
    takes = f"{height}x{width} pixels with {channels} channel{'s' if channels > 1 else ''}"
    head = f"{model.name}: {model.count_params():,} parameters, takes {takes}"
    if len(model.outputs) != 1:
        return f"{head}, has {len(model.outputs)} outputs"
    outputs = Outputs.of(model)
    what = f"{outputs.activation} of " if outputs.activation else "logits of "
    each = " for each pixel" if outputs.positions else ""
    return f"{head}, returns {what}{outputs.classes} classes{each}"
