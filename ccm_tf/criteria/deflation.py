"""A symmetric matrix from which one rank after the other is taken away."""

import numpy as np

# Columns that wait until they are subtracted together: a matrix product instead of many passes.
_BLOCK = 64


class Deflation:
    """A symmetric matrix R under many updates R - u u^T, of which few columns are ever looked at.

    Updates wait and go in blocks, so that n of them on an (n, n) matrix cost n^3 in matrix
    products and not n^3 in passes over memory. Diagonal, columns and products with vectors are
    those of the updated matrix at any time.

    Args:
        matrix: Symmetric matrix (C, C); copied as float64.

    Attributes:
        diagonal: The diagonal as it is now, (C,).
    """

    def __init__(self, matrix: np.ndarray):
        self._matrix = np.array(matrix, np.float64)
        self._waiting = np.empty((_BLOCK, len(self._matrix)))
        self._count = 0
        self.diagonal = self._matrix.diagonal().copy()

    def column(self, place: int) -> np.ndarray:
        """One column, (C,)."""
        waiting = self._waiting[: self._count]
        return self._matrix[place] - waiting[:, place] @ waiting

    def times(self, vector: np.ndarray) -> np.ndarray:
        """The matrix times a vector, (C,)."""
        waiting = self._waiting[: self._count]
        return self._matrix @ vector - (waiting @ vector) @ waiting

    def squares(self) -> np.ndarray:
        """Squared length of every column, (C,)."""
        matrix = self.matrix()
        return np.einsum("ij,ij->i", matrix, matrix)

    def matrix(self) -> np.ndarray:
        """The matrix itself; not to be written to."""
        if self._count:
            waiting = self._waiting[: self._count]
            self._matrix -= waiting.T @ waiting
            self.diagonal = self._matrix.diagonal().copy()
            self._count = 0
        return self._matrix

    def subtract(self, vector: np.ndarray) -> bool:
        """Takes u u^T away; whether the updates that waited were carried out."""
        self._waiting[self._count] = vector
        self._count += 1
        self.diagonal -= vector**2
        if self._count == _BLOCK:
            self.matrix()
        return self._count == 0
