"""Makes Keras models smaller and faster by removing whole channels.

Train with CCM-loss so that feature maps become redundant, select the channels that carry the rest,
rewrite the model without the others, recover, and ship it:

```python
model = ccm_tf.Model.from_model(your_model)
for layer in ccm_tf.feature_layers(model):
    model.add_loss(ccm_tf.CCMLoss(layer))
model.compile("adam", loss)
model.fit(images, labels)
plan = ccm_tf.plan(model, "pca", images, macs=0.5)
slim = ccm_tf.rewrite(model, plan)
ccm_tf.recalibrate(slim, images)
ccm_tf.export_tflite(slim, "slim.tflite")
```
"""

from ccm_tf import callbacks as callbacks
from ccm_tf import distribute as distribute
from ccm_tf import kfe as kfe
from ccm_tf import recovery as recovery
from ccm_tf import schedules as schedules
from ccm_tf import tfmot as tfmot
from ccm_tf.ccm.correlation import channel_correlation as channel_correlation
from ccm_tf.ccm.features import feature_layers as feature_layers
from ccm_tf.ccm.loss import CCMLoss as CCMLoss
from ccm_tf.ccm.model import Model as Model
from ccm_tf.ccm.regularizer import CCMRegularizer as CCMRegularizer
from ccm_tf.criteria import register_criterion as register_criterion
from ccm_tf.evaluation import evaluate_tflite as evaluate_tflite
from ccm_tf.export import ExportOptions as ExportOptions
from ccm_tf.export import export as export
from ccm_tf.export import export_tflite as export_tflite
from ccm_tf.gradual.zeros import masked_plan as masked_plan
from ccm_tf.gradual.zeros import strip_pruning as strip_pruning
from ccm_tf.graph import ChannelGraph as ChannelGraph
from ccm_tf.graph import register_handler as register_handler
from ccm_tf.iterate import iterate as iterate
from ccm_tf.kfe import EigenPlan as EigenPlan
from ccm_tf.kfe import kronecker_factors as kronecker_factors
from ccm_tf.latency.benchmark import benchmark_latency as benchmark_latency
from ccm_tf.latency.cache import latency_table as latency_table
from ccm_tf.latency.table import LatencyTable as LatencyTable
from ccm_tf.litert_metadata import tflite_metadata as tflite_metadata
from ccm_tf.lrp.relevance import relevance as relevance
from ccm_tf.mask import mask as mask
from ccm_tf.plan import plan as plan
from ccm_tf.profile import profile as profile
from ccm_tf.pruning_plan import PruningPlan as PruningPlan
from ccm_tf.recovery.recalibrate import recalibrate as recalibrate
from ccm_tf.report import report as report
from ccm_tf.rewrite import rewrite as rewrite
from ccm_tf.rounds import Stop as Stop
from ccm_tf.sensitivity import sensitivity as sensitivity

__version__ = "0.1.0"
