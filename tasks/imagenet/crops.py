"""Random and central crops of encoded images, with TensorFlow."""

from typing import Any

# Mean and standard deviation of ImageNet's channels on the scale 0 … 1.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def random_crop(encoded: Any, size: int, seed: Any) -> Any:
    """A random part of an image, resized and perhaps mirrored: the Inception crop.

    8 to 100 % of the area with sides of 3:4 to 4:3, as torchvision's RandomResizedCrop.

    Args:
        encoded: Content of an image file, a scalar string tensor.
        size: Side of the result in pixels.
        seed: Int tensor (2,): the same crop for the same seed.

    Returns:
        uint8 tensor (size, size, 3).
    """
    import tensorflow as tf

    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros((0, 0, 4)),
        seed=seed,
        min_object_covered=0.0,
        aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0),
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    part = tf.slice(image, begin, extent)
    part = _resized(part, size, size)
    return tf.image.stateless_random_flip_left_right(part, seed + 1)


def central_crop(encoded: Any, size: int) -> Any:
    """The middle of an image whose shorter side was resized to 256 / 224 of the result's.

    Args:
        encoded: Content of an image file, a scalar string tensor.
        size: Side of the result in pixels.

    Returns:
        uint8 tensor (size, size, 3).
    """
    import tensorflow as tf

    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    sides = tf.cast(tf.shape(image)[:2], "float32")
    scale = round(size * 256 / 224) / tf.reduce_min(sides)
    height, width = tf.unstack(tf.cast(tf.round(sides * scale), "int32"))
    image = _resized(image, height, width)
    return tf.slice(image, [(height - size) // 2, (width - size) // 2, 0], [size, size, 3])


def normalised(image: Any) -> Any:
    """Scaled to 0 … 1, minus the mean, over the standard deviation; float32."""
    import tensorflow as tf

    return (tf.cast(image, "float32") / 255.0 - MEAN) / STD


def _resized(image: Any, height: Any, width: Any) -> Any:
    import tensorflow as tf

    image = tf.image.resize(image, (height, width), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), "uint8")
