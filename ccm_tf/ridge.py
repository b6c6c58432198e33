"""Predicting channels from others: ridge regression that shrinks towards slicing."""

import numpy as np

from ccm_tf.statistics.moments import Moments

_RIDGES = np.logspace(-10, 0, 21)


def predict(
    moments: Moments, stays: np.ndarray, effective: float, intercept: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Fits x = B y + b, shrunk towards the slice x[kept] = y.

    Args:
        moments: Moments of y and x, side by side.
        stays: Which channels of x the channels of y are.
        effective: Number of independent samples, for the cross-validation.
        intercept: Whether b may differ from zero.

    Returns:
        B of shape (channels of x, channels of y) and b.
    """
    left = int(stays.sum())
    covariance, mean = moments.covariance(), moments.mean()
    if not intercept:
        covariance, mean = covariance + np.outer(mean, mean), np.zeros_like(mean)
    slice_of = np.zeros((len(stays), left))
    slice_of[np.flatnonzero(stays), np.arange(left)] = 1.0
    among = covariance[:left, :left]
    # What slicing leaves unexplained, and how it goes along with what is there.
    cross = covariance[left:, :left] - slice_of @ among
    spread = (
        np.trace(covariance[left:, left:])
        - 2 * np.sum(covariance[left:, :left] * slice_of)
        + np.sum((slice_of @ among) * slice_of)
    )
    values, vectors = np.linalg.eigh(among)
    values = np.maximum(values, 0.0)
    scale = values.mean()
    if scale <= 0:
        return slice_of, mean[left:] - slice_of @ mean[:left]
    rotated = cross @ vectors
    ridge = scale * _best_ridge(values / scale, rotated / np.sqrt(scale), spread, effective)
    weights = slice_of + (rotated / (values + ridge)) @ vectors.T
    return weights, mean[left:] - weights @ mean[:left]


def _best_ridge(values: np.ndarray, rotated: np.ndarray, spread: float, effective: float) -> float:
    energy = np.sum(rotated**2, axis=0)
    best, chosen = np.inf, _RIDGES[-1]
    for ridge in _RIDGES:
        left = max(spread - np.sum(energy * (values + 2 * ridge) / (values + ridge) ** 2), 0.0)
        used = np.sum(values / (values + ridge))
        if used >= effective:
            continue
        score = (left + 1e-15 * spread) / (1 - used / effective) ** 2
        if score < best:
            best, chosen = score, ridge
    return float(chosen)
