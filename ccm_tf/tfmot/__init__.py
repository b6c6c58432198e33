"""The bridge to tf_keras, and with it to tensorflow-model-optimization (tfmot).

tfmot's quantisation-aware training, weight clustering and weight sparsity work on models of
tf_keras (Keras 2) only. Nothing here imports tf_keras before it is called, nothing imports tfmot,
and neither the environment nor `tf.keras` is changed.
"""

from ccm_tf.tfmot.from_tf_keras import from_tf_keras as from_tf_keras
from ccm_tf.tfmot.to_tf_keras import to_tf_keras as to_tf_keras
