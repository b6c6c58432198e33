"""Random functional models, built from the registry of layers and from ways to connect them.

A model grows step by step. Each step takes tensors that are there and adds new ones: it applies
one of the examples of the registry, or it branches, merges, joins, cuts, gates, shares a layer,
calls a model, or changes the rank. In the end some tensors become outputs.
"""

import dataclasses
import random
from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops

from tests.graph import examples

SIZE, WIDTH = 8, 6
# Steps that jump where a rounding error decides on which side a value lies.
_JUMPS = ("Ceil", "Floor", "Round", "Sign", "Threshold")
_USES = [
    (f"{getattr(kind, '__name__', kind)}/{number}", use)
    for table in (examples.LAYERS, examples.OPERATIONS)
    for kind, uses in table.items()
    if kind not in _JUMPS and (isinstance(kind, str) or examples.rank_for(kind) == 2)
    for number, use in enumerate(uses)
]


@dataclasses.dataclass
class Growth:
    """A model that is being built: what there is to go on from, and the dice."""

    dice: random.Random
    tensors: list

    def pick(self, *ranks: int):
        """One of the last tensors, of a rank that is asked for; made where there is none."""
        fitting = [t for t in self.tensors if len(t.shape) in ranks]
        if fitting:
            return fitting[-1] if self.chance() else self.dice.choice(fitting)
        return {2: self.vector, 3: self.sequence, 4: self.image}[ranks[0]]()

    def image(self):
        """A tensor of 8 x 8 pixels with 6 channels."""
        square = [t for t in self.tensors if t.shape[1:3] == (SIZE, SIZE) and len(t.shape) == 4]
        x = self.dice.choice(square[-3:])
        return x if x.shape[-1] == WIDTH else layers.Conv2D(WIDTH, 1)(x)

    def sequence(self):
        return layers.Conv1D(4, 3, strides=16)(layers.Reshape((SIZE * SIZE, WIDTH))(self.image()))

    def vector(self):
        return layers.GlobalMaxPooling2D()(self.image())

    def one_of(self, *choices):
        return self.dice.choice(choices)

    def chance(self) -> bool:
        return self.dice.random() < 0.5


STEPS: list[tuple[tuple[int, ...], Callable]] = []


def step(*ranks: int):
    """Registers a way to grow: a function of the growth and of a tensor of one of these ranks."""

    def decorator(grow):
        STEPS.append((ranks, grow))
        return grow

    return decorator


@step(4)
def use_of_the_registry(growth, x):
    _, use = growth.dice.choice(_USES)
    return use(growth.image())


@step(4)
def convolution(growth, x):
    activation = growth.one_of(None, "relu", "sigmoid")
    return layers.Conv2D(growth.one_of(1, 3, 4), 1, activation=activation)(x)


@step(4)
def grouped_convolution(growth, x):
    groups = growth.one_of(2, 3)
    return layers.Conv2D(2 * groups, 1, groups=groups)(growth.image())


@step(4)
def residual(growth, x):
    y = layers.Conv2D(x.shape[-1], 3, padding="same")(x)
    kind = growth.one_of("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
    if growth.chance():
        return getattr(layers, kind)()([x, y])
    raw = {"Add": ops.add, "Subtract": ops.subtract, "Multiply": ops.multiply}
    return raw.get(kind, ops.maximum)(x, y)


@step(2, 3, 4)
def broadcast(growth, x):
    width = x.shape[-1]
    rng = np.random.default_rng(width)
    kind = growth.one_of("scalar", "vector", "one", "dense")
    if kind == "scalar":
        return x * 0.5 + 1.0
    if kind == "vector":
        return x + rng.normal(size=(width,)).astype(keras.config.floatx())
    other = layers.Dense(1 if kind == "one" else width)(x)
    if len(x.shape) > 2 and growth.chance():
        other = ops.mean(other, axis=1, keepdims=True)
    return growth.one_of(ops.add, ops.multiply)(*growth.one_of((x, other), (other, x)))


@step(2, 3, 4)
def concatenation(growth, x):
    others = [t for t in growth.tensors if t.shape[:-1] == x.shape[:-1]][-2:]
    return layers.Concatenate()([x, *others, x][: growth.one_of(2, 3)])


@step(3, 4)
def concatenation_in_space(growth, x):
    y = layers.Dense(x.shape[-1], activation="tanh")(x)
    return layers.Concatenate(axis=1)([x, y])


@step(2, 3, 4)
def halves(growth, x):
    if x.shape[-1] % 2:
        return x[..., 1:] if x.shape[-1] > 1 else ops.relu(x)
    a, b = ops.split(x, 2, axis=-1)
    return growth.one_of(lambda: a + b, lambda: a, lambda: ops.concatenate([b, a], axis=-1))()


@step(2, 3, 4)
def cut(growth, x):
    width = x.shape[-1]
    start = growth.dice.randint(0, width - 1)
    stop = growth.dice.randint(start + 1, width)
    return x[..., start:stop]


@step(4)
def channel_shuffle(growth, x):
    x = growth.image()
    groups = growth.one_of(2, 3)
    x = layers.Reshape((SIZE, SIZE, groups, WIDTH // groups))(x)
    return layers.Reshape((SIZE, SIZE, WIDTH))(layers.Permute((1, 2, 4, 3))(x))


@step(4)
def squeeze_and_excite(growth, x):
    width = x.shape[-1]
    gate = layers.GlobalAveragePooling2D()(x)
    gate = layers.Dense(2, activation="relu")(gate)
    gate = layers.Dense(width, activation="sigmoid")(gate)
    return layers.Multiply()([x, layers.Reshape((1, 1, width))(gate)])


@step(2, 3, 4)
def shared_layer(growth, x):
    make = growth.one_of(
        lambda: layers.Dense(x.shape[-1], activation="relu"),
        layers.BatchNormalization,
    )
    layer = make()
    y = layer(x)
    return growth.one_of(lambda: layer(y), lambda: x - y, lambda: layer(y) + y)()


@step(2, 3, 4)
def nested_model(growth, x):
    inner = keras.Input(x.shape[1:])
    y = layers.Dense(4, activation="relu")(inner)
    y = layers.Dense(x.shape[-1])(y)
    if growth.chance():
        y = layers.Add()([inner, y])
    block = keras.Model(inner, y)
    return growth.one_of(lambda: block(x), lambda: block(block(x)))()


@step(2, 3)
def sequential_model(growth, x):
    block = keras.Sequential([layers.Dense(4), layers.BatchNormalization(), layers.ReLU()])
    return block(x)


@step(3, 4)
def to_vector(growth, x):
    if len(x.shape) == 4 and growth.chance():
        return growth.one_of(layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)()(x)
    return layers.Flatten()(layers.Dense(3)(x))


@step(2)
def vector(growth, x):
    y = layers.Dense(growth.one_of(1, 4, 6), activation=growth.one_of(None, "gelu"))(x)
    return growth.one_of(
        lambda: layers.BatchNormalization()(y),
        lambda: layers.Softmax()(y),
        lambda: layers.RepeatVector(3)(y),
        lambda: layers.Reshape((2, 2, 3))(layers.Dense(12)(y)),
    )()


@step(4)
def to_sequence(growth, x):
    return layers.Reshape((x.shape[1] * x.shape[2], x.shape[3]))(x)[:, :4]


@step(3)
def recurrent(growth, x):
    cls = growth.one_of(layers.SimpleRNN, layers.GRU, layers.LSTM)
    layer = cls(3, return_sequences=growth.chance())
    return (layers.Bidirectional(layer) if growth.chance() else layer)(x)


@step(3)
def attention(growth, x):
    y = layers.MultiHeadAttention(3, 2)(x, x)
    return growth.one_of(lambda: y, lambda: x + y, lambda: layers.LayerNormalization()(x + y))()


@step(3)
def grouped_attention(growth, x):
    y = layers.GroupQueryAttention(2, 4, 2)(x, x)
    return growth.one_of(lambda: y, lambda: x + y)()


@step(3)
def sequence(growth, x):
    return growth.one_of(
        lambda: layers.Conv1D(4, 1)(x),
        lambda: layers.TimeDistributed(layers.Dense(3, activation="relu"))(x),
        lambda: layers.Permute((2, 1))(layers.Permute((2, 1))(x)),
        lambda: layers.GlobalAveragePooling1D()(x),
    )()


# Its hundred uses deserve more than one share.
STEPS += 5 * [entry for entry in STEPS if entry[1] is use_of_the_registry]


def _small(tensor) -> bool:
    """Whether a tensor can be gone on from: of a static shape, and not so large that it is slow."""
    shape = tensor.shape[1:]
    return None not in shape and 0 < int(np.prod(shape)) <= 2000 and len(shape) <= 3


def build(seed: int, steps: int) -> keras.Model:
    """The model of a seed: with fewer steps the same one, shorter.

    Args:
        seed: What decides on everything but the length.
        steps: How often the model grows.
    """
    dice = random.Random(seed)
    inputs = [keras.Input((SIZE, SIZE, 3)) for _ in range(dice.choice([1, 1, 2]))]
    growth = Growth(dice, [layers.Conv2D(WIDTH, 1)(tensor) for tensor in inputs])
    used: set[int] = set()
    for number in range(steps):
        dice.seed(1000 * seed + number)
        ranks, grow = dice.choice(STEPS)
        x = growth.pick(*ranks)
        made = grow(growth, x)
        # What is too large to go on from is left out of the model, so its input may be an end.
        if _small(made):
            used.add(id(x))
            growth.tensors.append(made)
    ends = [t for t in growth.tensors if id(t) not in used][-3:] or growth.tensors[-1:]
    dice.seed(seed)
    outputs = [_head(dice, tensor) for tensor in ends]
    # Every input has to lead somewhere.
    outputs += [layers.Dense(2)(layers.Conv2D(3, 3)(tensor)) for tensor in inputs[1:]]
    return keras.Model(inputs, outputs)


def _head(dice, tensor):
    """What is made of a tensor before it leaves the model."""
    kind = dice.choice(["dense", "dense", "flat", "bare"])
    if kind == "bare":
        return layers.Identity()(tensor)
    if kind == "flat" and len(tensor.shape) > 2:
        tensor = layers.Flatten()(tensor)
    return layers.Dense(2)(tensor)
