"""The linear layers of the hand-checked examples: factors and weights (outputs, inputs)."""

import numpy as np

from ccm_tf.kfe.layer_factors import LayerFactors

A = np.array([[2.0, 1.0], [1.0, 2.0]])
S = np.array([[5.0, 4.0], [4.0, 5.0]])
FIRST = np.array([[1.0, 0.0], [0.0, 0.0]])
SECOND = np.array([[1.0, 2.0], [3.0, -1.0]])


def factors(omega, gamma, taps=1, patches=None):
    """Factors that have these values."""
    return LayerFactors("layer", taps, taps * omega, gamma.copy(), patches, 1, 1)


def cartesian(omega, gamma):
    """Inputs and gradients, every one with every other, that have these second moments."""
    sides = []
    for matrix in (omega, gamma):
        values, vectors = np.linalg.eigh(matrix)
        sides.append((vectors * np.sqrt(len(values) * values)).T)
    pairs = [(x, g) for x in sides[0] for g in sides[1]]
    return np.array([x for x, _ in pairs]), np.array([g for _, g in pairs])
