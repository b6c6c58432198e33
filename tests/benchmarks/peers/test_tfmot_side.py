import importlib.util

import keras
import numpy as np
import pytest

from benchmarks.peers import inputs, network, zeros
from tasks import models
from tasks.batches import Preprocessing

RECIPE = {"steps": 4, "batch_size": 8, "learning_rate": 0.05, "momentum": 0.9, "l2": 1e-4}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None, reason="needs tfmot"
)
def test_the_other_process_trains_with_zeros(tmp_path):
    dense = models.resnet(8, 2, width=0.25)
    network.save(dense, tmp_path / "dense.keras")
    generator = np.random.default_rng(0)

    def part(count):
        pixels = generator.integers(0, 256, (count, 32, 32, 3)).astype("uint8")
        return pixels, np.arange(count) % 2

    preprocessing = Preprocessing((0.5,) * 3, (0.2,) * 3, pad=0, flip=False)
    sizes = np.full(RECIPE["steps"], RECIPE["batch_size"])
    images = inputs.Inputs(part(4), part(4), part(32), sizes, part(4), preprocessing)
    inputs.write(tmp_path / "inputs.npz", images, {})
    job = zeros.TfmotJob(tmp_path / "dense.keras", tmp_path / "inputs.npz", RECIPE, threads=1)
    sparse = job.run(0.75, tmp_path / "out" / "sparse.keras")
    assert isinstance(sparse, keras.Model) and network.share_of_zeros(sparse) > 0.7
    before, after = network.arrays_of(dense), network.arrays_of(sparse)
    kept = after["conv1/kernel"] != 0
    first, last = before["conv1/kernel"][kept], after["conv1/kernel"][kept]
    assert np.all(first != last) and np.corrcoef(first, last)[0, 1] > 0.8
    # Every step moved the statistics of batch normalisation too.
    assert np.all(before["bn1/moving_mean"] != after["bn1/moving_mean"])
