"""Integer labels for channels, and which of them stand and fall together."""

import numpy as np


class Labels:
    """Hands out channel labels and remembers which are equal or frozen.

    Equalities are only collected while the graph is read; `roots` resolves all of them at once,
    with array operations, so the cost stays linear in the number of channels.
    """

    def __init__(self):
        self._count = 0
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._frozen: list[tuple[np.ndarray, str]] = []

    def __len__(self) -> int:
        return self._count

    def fresh(self, count: int) -> np.ndarray:
        """`count` new labels."""
        labels = np.arange(self._count, self._count + count)
        self._count += count
        return labels

    def unite(self, first: np.ndarray, second: np.ndarray) -> None:
        """Makes the labels of two arrays of equal length pairwise equal."""
        if first.shape != second.shape:
            raise ValueError(
                f"Only label arrays of equal length can be united. Received: {first.shape} and "
                f"{second.shape}."
            )
        if first is not second:
            self._pairs.append((first, second))

    def freeze(self, labels: np.ndarray, reason: str) -> None:
        """Forbids removing these channels."""
        self._frozen.append((np.unique(labels), reason))

    def roots(self) -> np.ndarray:
        """For every label the smallest label that it is equal to."""
        parent = np.arange(self._count)
        if not self._pairs:
            return parent
        first = np.concatenate([a.ravel() for a, _ in self._pairs])
        second = np.concatenate([b.ravel() for _, b in self._pairs])
        while True:
            a, b = parent[first], parent[second]
            if np.array_equal(a, b):
                return parent
            low = np.minimum(a, b)
            np.minimum.at(parent, a, low)
            np.minimum.at(parent, b, low)
            while not np.array_equal(parent, parent[parent]):
                parent = parent[parent]

    def frozen(self, roots: np.ndarray) -> tuple[np.ndarray, dict[int, list[str]]]:
        """Mask of frozen labels, and the reasons for each frozen root."""
        mask = np.zeros(self._count, bool)
        reasons: dict[int, list[str]] = {}
        for labels, reason in self._frozen:
            for root in np.unique(roots[labels]):
                mask[root] = True
                known = reasons.setdefault(int(root), [])
                if reason not in known:
                    known.append(reason)
        return mask[roots], reasons
