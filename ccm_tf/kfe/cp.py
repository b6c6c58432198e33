"""Canonical polyadic decomposition of a tensor with three axes, by alternating least squares."""

import numpy as np

_RIDGE = 1e-10
_TINY = 1e-100


def canonical_polyadic(
    tensor: np.ndarray, rank: int, iterations: int = 200, tolerance: float = 1e-8
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Writes a tensor as a sum of so many outer products of three vectors, as well as it can.

    Alternating least squares (J. Carroll and J. Chang, 1970; R. Harshman, 1970): with two of the
    factors fixed, the third is a linear least-squares problem. It starts from the leading singular
    vectors along each axis, filled up with fixed random numbers, and stops when the error no
    longer falls.

    Args:
        tensor: Float64 array (A, B, C).
        rank: Number of terms R.
        iterations: Most sweeps over the three factors. Defaults to 200.
        tolerance: Stop when a sweep lowers the relative error by less. Defaults to 1e-8.

    Returns:
        Arrays (A, R), (B, R) and (C, R); the first two have columns of length 1.
    """
    factors = [_start(tensor, axis, rank) for axis in range(3)]
    unfolded = [np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1) for axis in range(3)]
    size = max(float(np.linalg.norm(tensor)), _TINY)
    error = np.inf
    for _ in range(iterations):
        for axis in range(3):
            factors[axis] = _solve(factors, unfolded[axis], axis)
            if axis < 2:
                factors[axis] /= _lengths(factors[axis])
        before, error = error, float(np.linalg.norm(tensor - composed(*factors)) / size)
        if before - error < tolerance:
            break
    first, second, third = factors
    return first, second, third


def composed(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """The tensor (A, B, C) that three factors stand for."""
    return np.einsum("ar,br,cr->abc", first, second, third, optimize=True)


def _start(tensor: np.ndarray, axis: int, rank: int) -> np.ndarray:
    matrix = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    _, vectors = np.linalg.eigh(matrix @ matrix.T)
    leading = vectors[:, ::-1][:, :rank]
    rest = np.random.default_rng(axis).normal(size=(len(matrix), rank - leading.shape[1]))
    start = np.concatenate([leading, rest], axis=1)
    # Exactly aligned starts are where the iteration likes to stand still.
    start = start + 0.1 * np.random.default_rng(3 + axis).normal(size=start.shape)
    return start / _lengths(start)


def _solve(factors: list[np.ndarray], unfolded: np.ndarray, axis: int) -> np.ndarray:
    one, other = (factors[i] for i in range(3) if i != axis)
    gram = (one.T @ one) * (other.T @ other)
    products = np.einsum("br,cr->bcr", one, other).reshape(-1, one.shape[1])
    ridge = _RIDGE * max(np.trace(gram) / len(gram), _TINY)
    return np.linalg.solve(gram + ridge * np.eye(len(gram)), (unfolded @ products).T).T


def _lengths(factor: np.ndarray) -> np.ndarray:
    return np.maximum(np.linalg.norm(factor, axis=0), _TINY)
