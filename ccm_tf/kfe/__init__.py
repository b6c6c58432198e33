"""Pruning in the Kronecker-factored eigenbasis (EigenDamage)."""

from ccm_tf.kfe.factors import KroneckerFactors as KroneckerFactors
from ccm_tf.kfe.factors import kronecker_factors as kronecker_factors
