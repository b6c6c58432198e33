"""Several devices and machines: strategies by name, and what keeps their work the same.

```python
strategy = ccm_tf.distribute.start("mirrored")
with strategy.scope():
    model = ccm_tf.distribute.synchronised(make_model())
    model.compile("sgd", "sparse_categorical_crossentropy")
strategy.fit(model, images, labels, batch_size=256)
plan = ccm_tf.distribute.plan(strategy, model, "pca", images, macs=0.5)
slim = ccm_tf.distribute.rewrite(strategy, model, plan, fold="least_squares", data=images[:512])
```

See docs/distribution.md.
"""

from ccm_tf.distribute import jax as jax
from ccm_tf.distribute import tensorflow as tensorflow
from ccm_tf.distribute.agreement import check_same_model as check_same_model
from ccm_tf.distribute.agreement import model_hash as model_hash
from ccm_tf.distribute.batch_norm import synchronise as synchronise
from ccm_tf.distribute.batch_norm import synchronised as synchronised
from ccm_tf.distribute.planning import eigen_plan as eigen_plan
from ccm_tf.distribute.planning import plan as plan
from ccm_tf.distribute.recalibrating import recalibrate as recalibrate
from ccm_tf.distribute.registry import check_name as check_name
from ccm_tf.distribute.registry import current as current
from ccm_tf.distribute.registry import names as names
from ccm_tf.distribute.registry import start as start
from ccm_tf.distribute.rewriting import rewrite as rewrite
from ccm_tf.distribute.strategy import Strategy as Strategy
from ccm_tf.distribute.tensorflow import TensorFlowStrategy as TensorFlowStrategy
from ccm_tf.distribute.trainer import Trainer as Trainer
