"""Recovery after pruning: batch-norm statistics, distillation, attention, the adversarial game."""

from ccm_tf.recovery.adversarial import AdversarialDistiller as AdversarialDistiller
from ccm_tf.recovery.adversary import Adversary as Adversary
from ccm_tf.recovery.attention import attention_map as attention_map
from ccm_tf.recovery.attention import attention_transfer as attention_transfer
from ccm_tf.recovery.distiller import Distiller as Distiller
from ccm_tf.recovery.logits import logits_distillation as logits_distillation
from ccm_tf.recovery.transfers import AttentionTransfer as AttentionTransfer
from ccm_tf.recovery.transfers import FeatureTransfer as FeatureTransfer
from ccm_tf.recovery.transfers import LogitsTransfer as LogitsTransfer
from ccm_tf.recovery.transfers import Transfer as Transfer
