"""Optimal brain surgery on Kronecker factors: damped inverses, and joint compensation."""

from typing import Any

import keras
import numpy as np

from ccm_tf.kfe.blocks import Block, as_kernel, find_blocks
from ccm_tf.kfe.factors import factors_of
from ccm_tf.kfe.passes import PassOptions

DAMPING = 1e-3


def damped(matrix: np.ndarray, damping: float) -> np.ndarray:
    """A symmetric matrix plus a share of its mean eigenvalue, so that it can be inverted.

    Args:
        matrix: Float64 array (n, n) without negative eigenvalues.
        damping: The share; 0 leaves it as it is.
    """
    scale = np.trace(matrix) / len(matrix)
    # A layer without any gradient has nothing to compensate: the identity will do.
    return matrix + np.eye(len(matrix)) * (damping * scale if scale > 0 else 1.0)


def inverse_diagonal(matrix: np.ndarray, damping: float) -> np.ndarray:
    """Diagonal of the damped inverse, (n,)."""
    return np.diag(np.linalg.inv(damped(matrix, damping)))


def compensated(
    rows: np.ndarray, kept: np.ndarray, gamma: np.ndarray, damping: float = DAMPING
) -> np.ndarray:
    r"""The outputs that stay, changed so that the loss rises least when the others go.

    For a Fisher information $\Omega \otimes \Gamma$ the best change of the kept rows K when the
    rows P become zero is $\Delta W_K = \Gamma_{KK}^{-1} \Gamma_{KP} W_P$, whatever $\Omega$: the
    joint solution for all of P, not the sum of those for each row.

    Args:
        rows: Weights of every output, (outputs, weights); the bias is one of them.
        kept: Boolean, (outputs,).
        gamma: Gradient factor (outputs, outputs).
        damping: Share of the mean eigenvalue that is added to it. Defaults to 0.001.

    Returns:
        The kept rows, (kept outputs, weights).
    """
    gamma = damped(gamma, damping)
    among, across = gamma[np.ix_(kept, kept)], gamma[np.ix_(kept, ~kept)]
    return rows[kept] + np.linalg.solve(among, across @ rows[~kept])


def fold_obs(copy: Any, data: Any, verbose: int = 0) -> None:
    """Changes what stays of every layer so that the loss rises least without the rest.

    Optimal brain surgery (B. Hassibi and D. Stork, 1993) with Kronecker factors: for every
    convolution and dense layer that loses outputs, `compensated` on its kernel and bias. Labels
    are drawn from the model's own predictions, so data needs none.

    Args:
        copy: A `SlimCopy`; its kernels are changed.
        data: Inputs, as for `ccm_tf.plan`.
        verbose: 1 shows a progress bar.
    """
    graph = copy.graph
    blocks, _ = find_blocks(graph)
    losing = {}
    for block in blocks.values():
        labels = graph.effects[block.calls[0].position].produces
        kept = copy.kept(labels)
        if not kept.all():
            losing[block.name] = kept
    if not losing:
        return
    options = PassOptions(verbose=verbose)
    factors = factors_of(graph, data, options, list(losing))
    for name, kept in losing.items():
        _compensate(copy, blocks[name], kept, factors[name].gamma)


def _compensate(copy: Any, block: Block, kept: np.ndarray, gamma: np.ndarray) -> None:
    kernel = np.moveaxis(as_kernel(block.op.kernel), -1, 0)
    rows = kernel.reshape(len(kernel), -1)
    if block.op.bias is not None:
        rows = np.concatenate([rows, as_kernel(block.op.bias)[:, None]], axis=1)
    rows = compensated(rows, kept, gamma)
    slim = copy.ops[block.name]
    if block.op.bias is not None:
        slim.bias.assign(rows[:, -1])
        rows = rows[:, :-1]
    kernel = np.moveaxis(rows.reshape(-1, *kernel.shape[1:]), 0, -1)
    labels = copy.graph.effects[block.calls[0].position].reads
    if labels is not None:
        kernel = np.compress(copy.kept(labels), kernel, axis=-2)
    slim.kernel.assign(keras.ops.convert_to_tensor(kernel, slim.kernel.dtype))
