"""Callbacks for `fit`: pruning while training, and a record of it."""

from ccm_tf.callbacks.gradual_pruning import GradualPruning as GradualPruning
from ccm_tf.callbacks.pruning_summaries import PruningSummaries as PruningSummaries
