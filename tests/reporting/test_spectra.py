import numpy as np

import ccm_tf
from ccm_tf.reporting.spectra import eigen_rows
from tests import zoo


def test_spectra_and_sizes_of_every_layer():
    model = zoo.randomise(zoo.chain())
    images = np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype("float32")
    plan = ccm_tf.kfe.plan(model, (images, np.arange(6) % 4), ratio=0.4)
    slim = ccm_tf.rewrite(model, plan)
    rows = {row["name"]: row for row in eigen_rows(plan, slim)}
    assert set(rows) == set(plan.spectra)
    conv2 = rows["conv2"]
    assert len(conv2["input_values"]) == conv2["inputs"] >= conv2["kept_inputs"] > 0
    assert conv2["input_values"] == sorted(conv2["input_values"])
    assert sum(conv2["stages"]) <= slim.count_params() and 1 <= len(conv2["stages"]) <= 3
