"""Pruning in the Kronecker-factored eigenbasis (EigenDamage): directions instead of channels."""

from ccm_tf.kfe.directions import Directions as Directions
from ccm_tf.kfe.eigen_plan import EigenPlan as EigenPlan
from ccm_tf.kfe.factors import KroneckerFactors as KroneckerFactors
from ccm_tf.kfe.factors import kronecker_factors as kronecker_factors
from ccm_tf.kfe.planner import plan as plan
