"""How many principal components hold most of a variance."""

import numpy as np


def components_that_hold(eigenvalues: np.ndarray, share: float = 0.9) -> int:
    """The fewest principal components that hold a share of the variance.

    Args:
        eigenvalues: Array (C,) of a correlation or covariance matrix, in any order. What rounding
            made negative counts as zero.
        share: Share to hold, in (0, 1]. Defaults to 0.9.

    Returns:
        A number from 1 to C; 1 if there is no variance.
    """
    found = np.sort(np.clip(eigenvalues, 0.0, None))[::-1]
    total = found.sum()
    held = np.cumsum(found) / total if total > 0 else np.ones_like(found)
    # A sum of many shares may miss the last digit of `share`.
    return min(int(np.searchsorted(held, share - 1e-12) + 1), len(found))
