"""Means and covariances of channels, summed over any number of batches."""

from typing import Any

import numpy as np

_BLOCK_BYTES = 2**25
# A channel whose standard deviation is below this fraction of its mean is constant: what it
# varies by is rounding.
_CONSTANT = 1e-10


class Moments:
    """Streaming mean and second moments of channels over samples and pixels.

    Every update is centred on its own mean and merged by the pairwise formula, so that large means
    and long streams cost no digits: T. Chan, G. Golub, R. LeVeque, "Updating Formulae and a
    Pairwise Algorithm for Computing Sample Variances" (1979). All sums are float64. Memory is
    O(C^2) whatever the number of samples.

    Two objects that saw different data can be merged, in any order: statistics gathered by several
    workers add up to those of one.

    Args:
        channels: Number of channels C.

    Example:

    ```python
    moments = Moments(64)
    for features in stream:  # (B, H, W, 64)
        moments.update(features)
    moments.correlation()  # (64, 64)
    ```
    """

    def __init__(self, channels: int):
        if channels < 1:
            raise ValueError(f"Argument `channels` must be positive. Received: {channels!r}")
        self.channels = channels
        self.count = 0
        self._mean = np.zeros(channels)
        self._centred = np.zeros((channels, channels))

    def update(self, features: np.ndarray) -> "Moments":
        """Adds samples.

        Args:
            features: Array (..., C); every position along the other axes is one sample.

        Returns:
            The object itself.

        Raises:
            ValueError: If the last axis has not C entries, or a value is not finite.
        """
        features = np.asarray(features)
        if features.ndim == 0 or features.shape[-1] != self.channels:
            raise ValueError(
                f"Expected features of shape (..., {self.channels}). Received an array of shape "
                f"{features.shape}."
            )
        samples = features.reshape(-1, self.channels)
        block = max(1, _BLOCK_BYTES // (8 * self.channels))
        for start in range(0, len(samples), block):
            part = samples[start : start + block].astype(np.float64)
            mean = part.mean(axis=0)
            if not np.all(np.isfinite(mean)):
                raise ValueError("The features hold NaN or infinity: no moments can be taken.")
            part -= mean
            self._add(len(part), mean, part.T @ part)
        return self

    def merge(self, other: "Moments") -> "Moments":
        """Adds what another object has seen.

        Args:
            other: Moments of the same number of channels; it is not changed.

        Returns:
            The object itself.

        Raises:
            ValueError: If the numbers of channels differ.
        """
        if other.channels != self.channels:
            raise ValueError(
                f"Moments of {self.channels} channels cannot be merged with moments of "
                f"{other.channels} channels."
            )
        self._add(other.count, other._mean, other._centred)  # noqa: SLF001 - same class
        return self

    def state(self) -> dict[str, Any]:
        """What was summed so far, as numbers and arrays."""
        return {"count": self.count, "mean": self._mean, "centred": self._centred}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` of another object returned."""
        self.count = int(state["count"])
        self._mean, self._centred = state["mean"], state["centred"]

    def mean(self) -> np.ndarray:
        """Mean of every channel, float64 (C,).

        Raises:
            ValueError: If there was no sample.
        """
        self._check_samples()
        return self._mean.copy()

    def covariance(self) -> np.ndarray:
        """Covariance matrix, float64 (C, C), divided by the number of samples.

        Raises:
            ValueError: If there was no sample.
        """
        self._check_samples()
        return self._centred / self.count

    def correlation(self) -> np.ndarray:
        """Pearson correlation matrix, float64 (C, C); constant channels give zero rows.

        Raises:
            ValueError: If there was no sample.
        """
        covariance = self.covariance()
        deviation = np.sqrt(np.diag(covariance))
        alive = deviation > _CONSTANT * np.abs(self._mean)
        inverse = np.divide(1, deviation, out=np.zeros_like(deviation), where=alive)
        correlation = np.clip(covariance * inverse[:, None] * inverse, -1, 1)
        np.fill_diagonal(correlation, alive)
        return correlation

    def _add(self, count: int, mean: np.ndarray, centred: np.ndarray) -> None:
        if count == 0:
            return
        total = self.count + count
        delta = mean - self._mean
        self._centred += centred + np.outer(delta, delta) * (self.count * count / total)
        self._mean += delta * (count / total)
        self.count = total

    def _check_samples(self) -> None:
        if self.count == 0:
            raise ValueError("No sample was seen yet: call `update` first.")
