"""A layer in its Kronecker-factored eigenbasis: directions, weights along them, and scores."""

import dataclasses

import numpy as np

from ccm_tf.kfe.layer_factors import LayerFactors


@dataclasses.dataclass(frozen=True, eq=False)
class Eigenbasis:
    r"""The eigenbasis of one layer.

    Attributes:
        input_values: Eigenvalues of $\Omega$, ascending, float64 (inputs,).
        output_values: Eigenvalues of $\Gamma$, ascending, float64 (outputs,).
        inputs: Eigenvectors of $\Omega$ as columns, (inputs, inputs).
        outputs: Eigenvectors of $\Gamma$ as columns, (outputs, outputs).
        kernel: The kernel along them, (taps, inputs, outputs).
        importance: What the loss would rise by without each weight, twice: its square times its
            Fisher information, summed over taps, (inputs, outputs).
    """

    input_values: np.ndarray
    output_values: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    kernel: np.ndarray
    importance: np.ndarray

    @property
    def input_scores(self) -> np.ndarray:
        """Importance of every input direction."""
        return self.importance.sum(axis=1)

    @property
    def output_scores(self) -> np.ndarray:
        """Importance of every output direction."""
        return self.importance.sum(axis=0)

    def rise(self, kept_inputs: np.ndarray, kept_outputs: np.ndarray) -> float:
        """By how much the loss rises if only some directions stay, to second order."""
        left = self.importance[np.ix_(kept_inputs, kept_outputs)].sum()
        return float(self.importance.sum() - left) / 2

    def rescaled(self, fisher: np.ndarray) -> "Eigenbasis":
        """The same with the Fisher information of each weight, (taps, inputs, outputs)."""
        return dataclasses.replace(self, importance=(self.kernel**2 * fisher).sum(axis=0))


def eigenbasis(kernel: np.ndarray, factors: LayerFactors) -> Eigenbasis:
    r"""Writes a kernel in the eigenbasis of its Kronecker factors.

    With $\Omega = Q_A \Lambda_A Q_A^\top$ and $\Gamma = Q_S \Lambda_S Q_S^\top$ every tap becomes
    $W'_\delta = Q_A^\top W_\delta Q_S$, in which the Fisher information is as good as diagonal:
    weight (q, p) has importance $W'^2_{\delta q p} \lambda_{A,q} \lambda_{S,p}$.

    Args:
        kernel: Float64 array (taps, inputs, outputs).
        factors: The layer's factors.
    """
    input_values, inputs = eigen(factors.omega)
    output_values, outputs = eigen(factors.gamma)
    rotated = np.einsum("iq,tio,op->tqp", inputs, kernel, outputs, optimize=True)
    importance = (rotated**2).sum(axis=0) * np.outer(input_values, output_values)
    return Eigenbasis(input_values, output_values, inputs, outputs, rotated, importance)


def eigen(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix that has no negative ones.

    Values that rounding makes of zero are zero: below the size of the matrix times the largest
    value times the precision. Every vector's largest entry is positive, so that the same matrix
    gives the same basis on every machine.
    """
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    floor = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    values = np.where(values > floor, values, 0.0)
    largest = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(values))]
    return values, vectors * np.where(largest < 0, -1.0, 1.0)
