"""Squares of per-example gradients of kernels: the diagonal of the Fisher information."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.factors import spots
from ccm_tf.kfe.geometry import tap_views
from ccm_tf.kfe.passes import Observed, PassOptions, check_finite, gradient_pass
from ccm_tf.statistics.accumulate import accumulated

Bases = Mapping[str, tuple[np.ndarray, np.ndarray]]


def squared_gradients(
    graph: ChannelGraph,
    blocks: list[Block],
    data: Any,
    options: PassOptions,
    bases: Bases | None = None,
) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    r"""Mean over examples of the squared gradient of every weight, in a basis.

    For the orthogonal bases $Q_A$ and $Q_S$ of a layer's inputs and outputs it is
    $\mathbb{E}_n [(Q_A^\top \nabla W_{n,\delta} Q_S)^2]$, the eigenvalues that EKFAC puts in the
    place of products (T. George et al., "Fast approximate natural gradient descent in a
    Kronecker-factored eigenbasis", 2018, arXiv 1806.03884). Gradients are summed over positions,
    and over the calls of a shared layer, before they are squared. Memory is one tap's gradients of
    one batch: samples x inputs x outputs.

    Args:
        graph: The channel graph.
        blocks: Some of its blocks.
        data: As for `kronecker_factors`.
        options: How to go over the data.
        bases: Name to $Q_A$ and $Q_S$. Defaults to `None`: the basis of the weights themselves.

    Returns:
        Name to a float64 array (taps, inputs, outputs), and for layers with a bias in the basis of
        the weights the same of the bias, (outputs,), else `None`.
    """

    def statistic(block, seen):
        return _squares(block, seen, *(bases[block.name] if bases else (None, None)))

    def update(total: dict[str, Any], result: Any) -> None:
        samples, found = result
        total["examples"] += samples
        for block, (kernel, bias) in zip(blocks, found, strict=True):
            check_finite(block, kernel, bias)
            empty = [np.zeros(kernel.shape), np.zeros(bias.shape)]
            sums = total["sums"].setdefault(block.name, empty)
            sums[0] += kernel
            sums[1] += bias

    def start() -> dict[str, Any]:
        return {"examples": 0, "sums": {}}

    total = accumulated(
        data, lambda part: gradient_pass(graph, blocks, part, statistic, options), start, update
    )
    examples = total["examples"]
    with_bias = {b.name for b in blocks if bases is None and b.op.bias is not None}
    return {
        name: (kernel / examples, bias / examples if name in with_bias else None)
        for name, (kernel, bias) in total["sums"].items()
    }


def _squares(
    block: Block, seen: Observed, into: np.ndarray | None, out: np.ndarray | None
) -> list[Any]:
    """Sums over a batch of the squared gradients of the kernel and of the bias."""
    features = [_taps(block, _rotated(x, into)) for x in seen.inputs]
    errors = [_rows(_rotated(g, out)) for g in seen.gradients]
    squares = []
    for tap in range(block.taps):
        # (B, inputs, positions) times (B, positions, outputs).
        parts = [
            ops.matmul(ops.transpose(x[tap], (0, 2, 1)), g)
            for x, g in zip(features, errors, strict=True)
        ]
        squares.append(ops.sum(ops.square(sum(parts)), axis=0))
    bias = ops.sum(ops.square(sum(ops.sum(g, axis=1) for g in errors)), axis=0)
    return [ops.stack(squares), bias]


def _rotated(values: Any, basis: np.ndarray | None) -> Any:
    if basis is None:
        return values
    return ops.matmul(values, ops.convert_to_tensor(basis, "float32"))


def _taps(block: Block, features: Any) -> list[Any]:
    return tap_views(block.axes, features) if block.axes else [_rows(features)]


def _rows(values: Any) -> Any:
    return ops.reshape(values, (-1, spots(values), values.shape[-1]))
