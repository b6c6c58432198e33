"""How strong the pre-activations of a layer are, and the gradients at them."""

from typing import Any

import numpy as np
from keras import ops

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.factors import flat, spots
from ccm_tf.kfe.passes import Observed, PassOptions, check_finite, gradient_pass
from ccm_tf.statistics.accumulate import accumulated


def output_energies(
    graph: ChannelGraph, blocks: list[Block], data: Any, options: PassOptions
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    r"""The quadratic form of every output in the input factor, and the gradient factor.

    $w_c^\top \Omega w_c$ over whole patches is the mean over examples of the squared
    pre-activation, summed over positions: what the layer computes anyway.

    Args:
        graph: The channel graph.
        blocks: Some of its blocks.
        data: As for `kronecker_factors`.
        options: How to go over the data.

    Returns:
        Name to float64 arrays (outputs,) and (outputs, outputs).
    """

    def start() -> dict[str, Any]:
        shapes = {block.name: block.shape[2] for block in blocks}
        return {
            "examples": 0,
            "positions": dict.fromkeys(shapes, 0),
            "sums": {name: [np.zeros(n), np.zeros((n, n))] for name, n in shapes.items()},
        }

    def update(total: dict[str, Any], result: Any) -> None:
        samples, found = result
        total["examples"] += samples
        for block, (energy, gamma, spread) in zip(blocks, found, strict=True):
            check_finite(block, energy, gamma)
            sums = total["sums"][block.name]
            sums[0] += energy
            sums[1] += gamma
            total["positions"][block.name] += samples * int(spread)

    total = accumulated(
        data, lambda part: gradient_pass(graph, blocks, part, _statistic, options), start, update
    )
    examples, positions = total["examples"], total["positions"]
    return {name: (e / examples, g / positions[name]) for name, (e, g) in total["sums"].items()}


def _statistic(block: Block, seen: Observed) -> list[Any]:
    energy = sum(
        ops.sum(
            ops.reshape(ops.square(z), (-1, spots(z), z.shape[-1]))
            * ops.reshape(seen.weights, (-1, 1, 1)),
            axis=(0, 1),
        )
        for z in seen.outputs
    )
    gamma = sum(ops.matmul(ops.transpose(flat(g)), flat(g)) for g in seen.gradients)
    positions = sum(spots(g) for g in seen.gradients)
    return [energy, gamma, ops.convert_to_tensor(positions, "int32")]
