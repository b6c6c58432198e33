"""Callbacks for `fit`: pruning while training, and a record of it."""

from ccm_tf.callbacks.directional_pruning import DirectionalPruning as DirectionalPruning
from ccm_tf.callbacks.gradual_pruning import GradualPruning as GradualPruning
from ccm_tf.callbacks.growing_regularization import GrowingRegularization as GrowingRegularization
from ccm_tf.callbacks.probabilistic_pruning import ProbabilisticPruning as ProbabilisticPruning
from ccm_tf.callbacks.pruning_summaries import PruningSummaries as PruningSummaries
