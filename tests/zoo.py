"""Small models that hold every kind of connection, and random plans for them."""

import keras
import numpy as np
from keras import layers, ops

from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan


def chain():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="conv1")(inputs)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(8, 3, activation="relu", name="conv2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(5, name="hidden")(x)
    x = layers.BatchNormalization(name="bn_hidden")(x)
    return keras.Model(inputs, layers.Dense(4, name="logits")(x), name="chain")


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(6, 3, name="conv1"),
            layers.PReLU(shared_axes=[1, 2], name="prelu"),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
            layers.Activation("sigmoid", name="gate"),
            layers.GlobalAveragePooling2D(name="gap"),
            layers.Dense(3, name="logits"),
        ],
        name="sequential",
    )


def residual():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    for block in (1, 2):
        y = layers.Conv2D(6, 3, padding="same", use_bias=False, name=f"b{block}_conv1")(x)
        y = layers.BatchNormalization(name=f"b{block}_bn1")(y)
        y = layers.Activation("relu", name=f"b{block}_relu1")(y)
        y = layers.Conv2D(4, 3, padding="same", name=f"b{block}_conv2")(y)
        x = layers.ReLU(name=f"b{block}_out")(layers.Add(name=f"b{block}_add")([x, y]))
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="residual")


def padded_shortcut():
    """The parameter-free shortcut: strided slice, and channels of zeros on both sides."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(inputs)
    y = layers.Conv2D(7, 3, strides=2, padding="same", name="conv1")(x)
    shortcut = ops.pad(x[:, ::2, ::2, :], [[0, 0], [0, 0], [0, 0], [1, 2]])
    x = ops.relu(y + shortcut)
    y = layers.Conv2D(7, 3, padding="same", name="conv2")(x)
    x = ops.relu(x + y)
    x = ops.mean(x, axis=(1, 2))
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="padded_shortcut")


def concatenation():
    inputs = keras.Input((8, 8, 3))
    a = layers.Conv2D(4, 3, padding="same", name="a")(inputs)
    b = layers.Conv2D(5, 3, padding="same", name="b")(a)
    x = layers.Concatenate(name="join")([inputs, a, b])
    x = layers.BatchNormalization(name="bn")(x)
    c = layers.Conv2D(12, 1, name="c")(x)
    x = layers.Add(name="add")([c, x])
    x = layers.AveragePooling2D(2, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="concatenation")


def squeeze_excite():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="conv")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = ops.silu(x)
    s = layers.GlobalAveragePooling2D(name="pool")(x)
    s = layers.Reshape((1, 1, 6), name="reshape")(s)
    s = layers.Conv2D(3, 1, activation="relu", name="reduce")(s)
    s = layers.Conv2D(6, 1, activation="hard_sigmoid", name="expand")(s)
    x = layers.Multiply(name="excite")([x, s])
    x = layers.Conv2D(5, 1, name="project")(x)
    x = layers.GlobalMaxPooling2D(keepdims=True, name="gmp")(x)
    x = ops.squeeze(x, axis=(1, 2))
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="squeeze_excite")


def slices():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", name="conv")(inputs)
    a, b = ops.split(x, 2, axis=-1)
    c = x[..., 1:7:2]
    a = layers.Conv2D(3, 1, name="a")(a)
    b = layers.Conv2D(3, 1, name="b")(b)
    c = layers.Conv2D(3, 1, name="c")(c)
    x = ops.concatenate([a + b, ops.expand_dims(c[:, 0], 1) * 2.0 + c], axis=-1)
    x = layers.UpSampling2D(name="up")(x)
    x = layers.ZeroPadding2D(name="zeros")(x)
    x = layers.SeparableConv2D(5, 3, depth_multiplier=2, name="separable")(x)
    x = ops.reshape(x, (-1, 16 * 16 * 5))
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="slices")


def grouped():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", name="conv")(inputs)
    x = layers.Conv2D(12, 3, groups=4, padding="same", name="grouped")(x)
    x = layers.Conv2D(24, 3, groups=12, padding="same", name="by_groups")(x)
    x = layers.GroupNormalization(groups=-1, name="instance")(x)
    x = layers.Conv2DTranspose(5, 3, strides=2, name="transposed")(x)
    x = layers.LeakyReLU(name="leaky")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="grouped")


def shared():
    """One convolution and one batch normalisation, each called twice."""
    first, second = keras.Input((8, 8, 3), name="first"), keras.Input((8, 8, 3), name="second")
    stem = layers.Conv2D(6, 3, padding="same", name="stem")
    conv = layers.Conv2D(6, 3, padding="same", name="conv")
    bn = layers.BatchNormalization(name="bn")
    a, b = bn(conv(stem(first))), bn(conv(conv(stem(second))))
    x = layers.Subtract(name="difference")([a, b])
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    outputs = {"label": layers.Dense(3, name="label")(x), "score": layers.Dense(1, name="score")(x)}
    return keras.Model({"first": first, "second": second}, outputs, name="shared")


def sequence():
    inputs = keras.Input((12, 3))
    x = layers.Conv1D(6, 3, padding="causal", name="conv")(inputs)
    x = layers.Dense(5, activation="gelu", name="dense")(x)
    x = layers.Permute((2, 1), name="permute")(x)
    x = layers.Permute((2, 1), name="permute_back")(x)
    x = layers.SpatialDropout1D(0.2, name="dropout")(x)
    x = layers.GlobalMaxPooling1D(name="gmp")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="sequence")


def volume():
    inputs = keras.Input((4, 4, 4, 2))
    x = layers.Conv3D(4, 3, padding="same", name="conv1")(inputs)
    x = layers.MaxPooling3D(2, name="pool")(x)
    x = layers.Conv3D(3, 1, name="conv2")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, layers.Dense(2, name="logits")(x), name="volume")


def nested():
    """A model and a sequential model among the layers, one of them used twice."""
    inner = keras.Input((8, 8, 4))
    x = layers.Conv2D(5, 3, padding="same", name="conv")(inner)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv2")(x)
    block = keras.Model(inner, layers.Add(name="add")([inner, x]), name="block")
    head = keras.Sequential(
        [layers.GlobalAveragePooling2D(name="gap"), layers.Dense(6, name="hidden")], name="head"
    )
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    x = head(block(block(x)))
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="nested")


def transformer():
    """Tokens, attention with a residual stream, and a two-layer perceptron."""
    inputs = keras.Input((7,), dtype="int32")
    x = layers.Embedding(11, 6, name="embedding")(inputs)
    attention = layers.MultiHeadAttention(4, 3, name="attention")
    x = layers.Add(name="add1")([x, attention(x, x)])
    y = layers.Dense(9, activation="gelu", name="up")(x)
    y = layers.Dense(6, name="down")(y)
    x = layers.Add(name="add2")([x, y])
    x = layers.GlobalAveragePooling1D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="transformer")


def grouped_queries():
    """Attention in which two query heads share keys and values, with a gate."""
    inputs = keras.Input((7, 3))
    x = layers.Dense(6, name="stream")(inputs)
    attention = layers.GroupQueryAttention(2, 6, 3, use_gate=True, name="attention")
    x = layers.Add(name="add")([x, attention(x, x)])
    plain = layers.GroupQueryAttention(2, 4, 4, use_bias=False, name="plain")
    x = plain(x, layers.Dense(6, name="values")(inputs), key=inputs)
    x = layers.GlobalAveragePooling1D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="grouped_queries")


def convnext():
    return keras.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3), classes=3)


def inception_resnet():
    return keras.applications.InceptionResNetV2(weights=None, input_shape=(75, 75, 3), classes=3)


MODELS = (
    chain,
    sequential,
    residual,
    padded_shortcut,
    concatenation,
    squeeze_excite,
    slices,
    grouped,
    shared,
    sequence,
    volume,
    nested,
    transformer,
    grouped_queries,
)


def randomise(model, seed=0):
    """Gives every weight a random value, so that no channel is trivial."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        value = rng.normal(0.0, 0.5, weight.shape)
        if "variance" in weight.path:
            value = rng.uniform(0.5, 1.5, weight.shape)
        weight.assign(value.astype("float32"))
    return model


def inputs_for(model, batch=2, seed=0):
    """Random inputs in the structure of the model's inputs."""
    rng = np.random.default_rng(seed)
    made = [
        rng.integers(0, 10, (batch, *t.shape[1:])).astype("int32")
        if "int" in keras.backend.standardize_dtype(t.dtype)
        else rng.normal(size=(batch, *t.shape[1:])).astype("float32")
        for t in model.inputs
    ]
    structure = getattr(model, "input", None) if not isinstance(model, keras.Sequential) else None
    if structure is None:
        return made[0]
    return keras.tree.pack_sequence_as(structure, made)


def labels_for(model, batch=2, seed=0):
    """Random class numbers (0 or 1 where there is one unit) in the structure of the outputs."""
    rng = np.random.default_rng(seed)
    outputs = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
    return keras.tree.map_structure(
        lambda t: rng.integers(0, max(2, t.shape[-1]), (batch, *t.shape[1:-1])), outputs
    )


def random_plan(model, seed=0, share=0.5):
    """Drops about a share of the free channels, leaving one in every tensor."""
    graph = ChannelGraph(model)
    rng = np.random.default_rng(seed)
    mask = graph.all_kept()
    free = np.concatenate([group.roots for group in graph.groups])
    mask[free[rng.random(len(free)) < share]] = False
    for roots in graph.widths:
        if not mask[roots].any():
            mask[rng.choice(roots)] = True
    return PruningPlan.from_mask(graph, mask)


def outputs(model, inputs):
    """Outputs in inference mode as a flat list of arrays."""
    result = model(inputs, training=False)
    return [keras.ops.convert_to_numpy(t) for t in keras.tree.flatten(result)]
