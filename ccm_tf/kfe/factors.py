"""Kronecker factors of the Fisher information, layer by layer."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import Block, find_blocks
from ccm_tf.kfe.geometry import multiplicity, tap_views
from ccm_tf.kfe.layer_factors import LayerFactors
from ccm_tf.kfe.passes import Observed, PassOptions, gradient_pass
from ccm_tf.statistics.accumulate import accumulated


class KroneckerFactors:
    r"""The factors of the layers of one model.

    Attributes:
        layers: Name of a layer to its `LayerFactors`.
        left_out: Name of a layer that has none to the reason.
        fingerprint: `ChannelGraph.fingerprint` of the model.
        options: How the data was gone over, for a second pass.
    """

    def __init__(
        self,
        layers: dict[str, LayerFactors],
        left_out: dict[str, str],
        fingerprint: str,
        options: PassOptions,
    ):
        self.layers = layers
        self.left_out = left_out
        self.fingerprint = fingerprint
        self.options = options

    def merge(self, other: "KroneckerFactors") -> "KroneckerFactors":
        """Adds what another pass over other data has seen.

        Args:
            other: Factors of the same layers of the same model; they are not changed.

        Returns:
            The object itself.

        Raises:
            ValueError: If the models or the layers differ.
        """
        if other.fingerprint != self.fingerprint or other.layers.keys() != self.layers.keys():
            raise ValueError(
                "Only factors of the same layers of the same model can be merged. Received: "
                f"{sorted(self.layers)} of {self.fingerprint} and {sorted(other.layers)} of "
                f"{other.fingerprint}."
            )
        for name, layer in self.layers.items():
            layer.merge(other.layers[name])
        return self

    def __getitem__(self, name: str) -> LayerFactors:
        if name not in self.layers:
            why = self.left_out.get(name, f"layers with factors are {', '.join(self.layers)}")
            raise KeyError(f"Layer '{name}' has no Kronecker factors: {why}.")
        return self.layers[name]

    def __str__(self) -> str:
        lines = [f"Kronecker factors of {len(self.layers)} layers"]
        lines += [
            f"  {name}: {layer.inputs} inputs x {layer.outputs} outputs, {layer.examples} examples"
            for name, layer in self.layers.items()
        ]
        return "\n".join(
            lines + [f"  without: {n}, since {why}" for n, why in self.left_out.items()]
        )


def kronecker_factors(
    model: keras.Model,
    data: Any,
    *,
    layers: Iterable[str] | None = None,
    labels: str = "sampled",
    loss: Any = None,
    patches: bool = False,
    max_batches: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    verbose: int = 0,
) -> KroneckerFactors:
    r"""Kronecker factors of the Fisher information of every convolution and dense layer.

    With $x_{n,t,\delta}$ the input pixel that output position t of sample n sees at kernel tap
    $\delta$, and $\tilde g_{n,t}$ the gradient of that sample's loss at the layer's
    pre-activation, for N samples, T positions and K taps:

    $$\Omega = \frac{1}{NK} \sum_{n,t,\delta} x x^\top, \qquad
    \Gamma = \frac{1}{NT} \sum_{n,t} \tilde g \tilde g^\top$$

    so that $\Omega \otimes \Gamma$ approximates the layer's block of the Fisher information (R.
    Grosse and J. Martens, "A Kronecker-factored approximate Fisher matrix for convolution layers",
    2016, arXiv 1602.01407), with one factor for all taps as in EigenDamage (C. Wang et al., 2019,
    arXiv 1905.05934). No patch is built: every pixel counts as often as windows read it. Batches
    are summed in float64 and weighted by their samples; the model runs in inference mode, and
    nothing larger than a batch is held. The calls of a shared layer add up.

    Args:
        model: A built functional or sequential `keras.Model`; it is left untouched.
        data: Inputs, as for `ccm_tf.plan`; with labels `(x, y)` if `labels="empirical"`. Of
            `strategy.shard(data)` each worker looks at its share, and all get the sum.
        layers: Names of layers. Defaults to `None`: all that have factors; grouped, depthwise and
            other layers are listed in `left_out` with the reason.
        labels: `"sampled"`: one label per sample, drawn from the prediction, as the Fisher
            information wants it. `"empirical"`: the labels of the data.
        loss: Loss for empirical labels, one value per sample: whatever `keras.losses.get` takes.
            Defaults to `None`: cross-entropy, from probabilities if the model ends in a softmax
            or sigmoid, from logits otherwise.
        patches: Gather $\Omega$ over whole patches too, `LayerFactors.patch_omega`; it has (taps x
            inputs) squared entries. Defaults to `False`.
        max_batches: Stop after so many batches. Defaults to `None`, all of them.
        batch_size: Samples per batch where `data` is arrays. Defaults to 128.
        seed: Seed of the drawn labels. Defaults to 0.
        verbose: 1 shows a progress bar. Defaults to 0.

    Returns:
        `KroneckerFactors`: `factors["conv1"].omega`, `factors["conv1"].gamma`.

    Raises:
        ValueError: If a layer is unknown or has no factors, labels are missing or do not fit the
            outputs, or a gradient is not finite.

    Example:

    ```python
    factors = ccm_tf.kronecker_factors(model, images, max_batches=50)
    plan = ccm_tf.kfe.plan(model, factors, ratio=0.6)
    ```
    """
    options = PassOptions(labels, loss, batch_size, max_batches, seed, verbose)
    graph = ChannelGraph(model)
    return factors_of(graph, data, options, layers, patches)


def factors_of(
    graph: ChannelGraph,
    data: Any,
    options: PassOptions,
    layers: Iterable[str] | None = None,
    patches: bool = False,
) -> KroneckerFactors:
    """Factors of a graph's layers; see `kronecker_factors`."""
    blocks, left_out = find_blocks(graph)
    chosen = chosen_blocks(blocks, left_out, layers)
    statistic = patch_grams if patches else grams

    def update(made: dict[str, LayerFactors], result: Any) -> None:
        samples, found = result
        for block, sums in zip(chosen, found, strict=True):
            inputs, gradients, positions, *rest = sums
            made[block.name].update(samples, inputs, gradients, int(positions), *rest)

    made = accumulated(
        data,
        lambda part: gradient_pass(graph, chosen, part, statistic, options),
        lambda: {block.name: LayerFactors.of(block, patches) for block in chosen},
        update,
    )
    return KroneckerFactors(made, left_out, graph.fingerprint, options)


def chosen_blocks(
    blocks: dict[str, Block], left_out: dict[str, str], layers: Iterable[str] | None
) -> list[Block]:
    """The blocks that are asked for.

    Raises:
        ValueError: If one is unknown or has no factors, or there are none.
    """
    if layers is None:
        chosen = list(blocks.values())
    else:
        names = [layers] if isinstance(layers, str) else list(layers)
        for name in names:
            if name not in blocks:
                why = left_out.get(name, "there is no such layer with a kernel")
                raise ValueError(
                    f"Layer '{name}' has no Kronecker factors: {why}. Layers that have: "
                    f"{', '.join(blocks) or 'none'}."
                )
        chosen = [block for block in blocks.values() if block.name in names]
    if not chosen:
        reasons = "; ".join(f"'{name}': {why}" for name, why in left_out.items())
        raise ValueError(f"No layer has Kronecker factors. {reasons or 'There are no kernels.'}")
    return chosen


def grams(block: Block, seen: Observed) -> list[Any]:
    """Gram matrices of the inputs and of the gradients, and how many positions an example has."""
    inputs = sum(_input_gram(block, features, seen.weights) for features in seen.inputs)
    positions = sum(spots(gradient) for gradient in seen.gradients)
    outputs = sum(_gram(flat(gradient)) for gradient in seen.gradients)
    return [inputs, outputs, ops.convert_to_tensor(positions, "int32")]


def patch_grams(block: Block, seen: Observed) -> list[Any]:
    """The same, and the Gram matrix of whole patches."""
    patches = sum(_patch_gram(block, features, seen.weights) for features in seen.inputs)
    return [*grams(block, seen), patches]


def _input_gram(block: Block, features: Any, weights: Any) -> Any:
    scale = ops.reshape(weights, [-1] + [1] * (len(features.shape) - 1))
    if block.axes:
        scale = scale * multiplicity(block.axes, tuple(features.shape[1:-1]))[..., None]
    return ops.matmul(ops.transpose(flat(features * scale)), flat(features))


def _patch_gram(block: Block, features: Any, weights: Any) -> Any:
    patches = patches_of(block, features, block.op.bias is not None)
    weighted = patches * ops.reshape(weights, (-1, 1, 1))
    return ops.matmul(ops.transpose(flat(weighted)), flat(patches))


def patches_of(block: Block, features: Any, constant: bool) -> Any:
    """Everything that each output position reads, (B, positions, taps x inputs [+ 1])."""
    if block.axes:
        parts = tap_views(block.axes, features)
    else:
        parts = [ops.reshape(features, (-1, spots(features), features.shape[-1]))]
    if constant:
        parts = [*parts, ops.ones_like(parts[0][..., :1])]
    return ops.concatenate(parts, axis=-1)


def _gram(rows: Any) -> Any:
    return ops.matmul(ops.transpose(rows), rows)


def flat(values: Any) -> Any:
    """One row per sample and position."""
    return ops.reshape(values, (-1, values.shape[-1]))


def spots(values: Any) -> int:
    """Positions of one sample of a tensor (B, ..., C)."""
    return int(np.prod(values.shape[1:-1], dtype=np.int64))
