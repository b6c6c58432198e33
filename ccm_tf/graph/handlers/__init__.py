"""One handler per kind of operation; importing this package registers them all."""

from ccm_tf.graph.handlers import (  # noqa: F401
    applications,
    attention,
    convolution,
    dense,
    elementwise,
    merge,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    shape,
    slicing,
)
