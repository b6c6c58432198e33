"""When to prune and how far: schedules that work here and in tensorflow-model-optimization."""

from ccm_tf.schedules.base import Schedule as Schedule
from ccm_tf.schedules.constant_sparsity import ConstantSparsity as ConstantSparsity
from ccm_tf.schedules.every_n_epochs import EveryNEpochs as EveryNEpochs
from ccm_tf.schedules.kfe_rounds import KFERounds as KFERounds
from ccm_tf.schedules.pca_energy import PCAEnergy as PCAEnergy
from ccm_tf.schedules.polynomial_decay import PolynomialDecay as PolynomialDecay
