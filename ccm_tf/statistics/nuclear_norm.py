"""How much the nuclear norm of a matrix drops when one row is removed, for all rows at once."""

import numpy as np

from ccm_tf.statistics.parallel import in_parallel

# Trapezoid rule for an integrand that is analytic for |Im x| < pi / 2: its error is
# exp(-pi^2 / step), here 1e-13.
_STEP = 1 / 3
# Nodes s = exp(x) relative to the largest singular value. What lies below is under the rounding
# error of float64; what lies above is summed in closed form.
_FIRST, _SPLIT, _LAST = -37.0, 0.0, 4.0
# Below this ratio of the smallest to the largest eigenvalue a Gram matrix no longer tells its
# eigenvalues well enough, and the singular values are taken from the matrix itself.
_WORST_GRAM = 1e-7
# A direct `1 - sum` this small has lost digits.
_SMALL_SLACK = 1e-3
_BLOCK_BYTES = 2**23


def nuclear_norm_drop(matrices: np.ndarray) -> np.ndarray:
    r"""Drop of the nuclear norm when a row is set to zero, for every row.

    With the singular values s_i and the left singular vectors u_i of a matrix, row c is worth

    $$-\frac{1}{\pi} \int_0^\infty \log\Big(1 - \sum_i u_{ci}^2 + \sum_i u_{ci}^2
    \frac{s^2}{s_i^2 + s^2}\Big)\, ds$$

    which follows from the trace of a matrix square root and the determinant of a rank-one
    downdate. All terms are positive, so nothing cancels. With s = exp(x) the integrand is
    analytic in a strip and the trapezoid rule converges exponentially: about 120 nodes give
    all digits, for any condition number. One decomposition of the matrix thus serves all its rows,
    where the definition takes one decomposition per row.

    The decomposition is that of the smaller Gram matrix; matrices that are too ill-conditioned
    for that (duplicate rows, say) are decomposed themselves.

    Args:
        matrices: Float array (N, C, P): N matrices of C rows and P columns.

    Returns:
        Float64 array (N, C), >= 0, exactly zero for rows of zeros. Accurate to about 1e-12 of the
        matrix's largest singular value.

    Raises:
        ValueError: If the array has not three axes, or holds NaN or infinity.

    Example:

    ```python
    nuclear_norm_drop(np.array([[[1, 0, 0], [1, 0, 0], [0, 2, 0]]]))  # [[0.414, 0.414, 2]]
    ```
    """
    matrices = np.asarray(matrices)
    if matrices.ndim != 3:
        raise ValueError(
            "Expected an array of matrices of shape (N, C, P). Received an array of shape "
            f"{matrices.shape}."
        )
    if not np.all(np.isfinite(matrices)):
        raise ValueError("Expected finite matrices. Received an array with NaN or infinity.")
    drops = np.zeros(matrices.shape[:2])
    if 0 in matrices.shape:
        return drops
    count, rows, columns = matrices.shape
    nodes = int((_LAST - _FIRST) / _STEP)
    per_matrix = 8 * rows * (columns + 2 * min(rows, columns) + 2 * nodes)
    block = max(1, _BLOCK_BYTES // per_matrix)

    def work(start: int) -> None:
        part = slice(start, start + block)
        drops[part] = _drops(matrices[part].astype(np.float64))

    in_parallel(work, range(0, count, block))
    return drops


def _drops(matrices: np.ndarray) -> np.ndarray:
    """Drops of a block of matrices that fits into memory with room to work."""
    scale = np.abs(matrices).max(axis=(1, 2), keepdims=True)
    scale = np.where(scale > 0, scale, 1.0)
    matrices = matrices / scale
    alive = np.any(matrices, axis=2)
    vectors, squares, slack = _decompose(matrices, alive)
    largest = squares.max(axis=1, keepdims=True)
    largest = np.where(largest > 0, largest, 1.0)
    drops = _integrate(vectors**2, squares / largest, slack)
    return np.where(alive, np.maximum(drops, 0) * np.sqrt(largest) * scale[:, 0], 0)


def _decompose(
    matrices: np.ndarray, alive: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left singular vectors (N, C, R), squared singular values (N, R) and slack (N, C).

    The slack of row c is 1 - sum_i u_ci^2: how much of that row's unit vector is orthogonal to
    the column space.
    """
    rows, columns = matrices.shape[1:]
    wide = rows <= columns
    transposed = matrices.transpose(0, 2, 1)
    gram = matrices @ transposed if wide else transposed @ matrices
    squares, vectors = np.linalg.eigh(gram)
    zeros = np.sum(~alive if wide else ~np.any(matrices, axis=1), axis=1)
    rank = min(rows, columns)
    # Ascending eigenvalues: those of zero rows (or columns) come first and are exactly zero.
    squares = np.where(np.arange(rank) < zeros[:, None], 0, squares)
    lowest = np.take_along_axis(squares, np.minimum(zeros, rank - 1)[:, None], axis=1)[:, 0]
    sound = (lowest > _WORST_GRAM * squares[:, -1]) | (zeros == rank)
    slack = np.zeros((len(matrices), rows))
    if not wide:
        inverse = np.divide(
            1, np.sqrt(np.abs(squares)), out=np.zeros_like(squares), where=squares > 0
        )
        vectors = (matrices @ vectors) * inverse[:, None, :]
        slack = 1 - np.sum(vectors**2, axis=2)
    for n in np.flatnonzero(~sound):
        vectors[n], squares[n] = _singular(matrices[n])
        slack[n] = 1 - np.sum(vectors[n] ** 2, axis=1)
    for n in np.flatnonzero(np.any(alive & (slack < _SMALL_SLACK) & (slack != 0), axis=1)):
        slack[n] = _accurate_slack(vectors[n], slack[n])
    return vectors, np.maximum(squares, 0), np.maximum(slack, 0)


def _singular(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors and squared singular values; zero rows and columns cost nothing."""
    rows, columns = np.any(matrix, axis=1), np.any(matrix, axis=0)
    left, values, _ = np.linalg.svd(matrix[np.ix_(rows, columns)], full_matrices=False)
    rank = min(matrix.shape)
    # Directions of rounding error span nothing; they would hide what is orthogonal to the rest.
    values = np.where(values > values[:1] * max(matrix.shape) * np.finfo(float).eps, values, 0)
    vectors, squares = np.zeros((len(matrix), rank)), np.zeros(rank)
    vectors[rows, : len(values)] = left * (values > 0)
    squares[: len(values)] = values**2
    return vectors, squares


def _accurate_slack(vectors: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """Squared row norms of the projector I - U U^T where the direct difference lost its digits."""
    small = np.flatnonzero(slack < _SMALL_SLACK)
    projector = -vectors[small] @ vectors.T
    projector[np.arange(len(small)), small] += 1
    slack = slack.copy()
    slack[small] = np.sum(projector**2, axis=1)
    return slack


def _integrate(weights: np.ndarray, squares: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """The integral for weights u_ci^2 (N, C, R), s_i^2 <= 1 (N, R) and slack (N, C)."""
    low = np.arange(_FIRST, _SPLIT, _STEP)
    high = np.arange(low[-1] + _STEP, _LAST, _STEP)
    poles = squares[:, :, None]
    t = np.exp(2 * low)
    inside = weights @ (t / (poles + t))
    inside += slack[:, :, None]
    total = np.log(inside, out=inside) @ np.exp(low)
    # From the largest singular value on the argument is near one: its distance is exact there.
    t = np.exp(2 * high)
    inside = weights @ (poles / (poles + t))
    total += np.log1p(np.negative(inside, out=inside), out=inside) @ np.exp(high)
    total += _right_tail(weights, squares, high[-1])
    return -total * _STEP / np.pi


def _right_tail(weights: np.ndarray, squares: np.ndarray, last: float) -> np.ndarray:
    """Sum over all nodes beyond `last`, from three terms of log(1 - p1/t + p2/t^2 - p3/t^3)."""
    powers = weights @ np.stack([squares, squares**2, squares**3], axis=-1)
    p1, p2, p3 = np.moveaxis(powers, -1, 0)
    terms = (-p1, p2 - p1**2 / 2, -p3 + p1 * p2 - p1**3 / 3)
    total = np.zeros(weights.shape[:2])
    for order, term in enumerate(terms, start=1):
        ratio = np.exp((1 - 2 * order) * _STEP)
        total += term * np.exp((1 - 2 * order) * last) * ratio / (1 - ratio)
    return total
