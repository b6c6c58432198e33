"""Trains the small model on the devices that JAX has, and writes what came out.

python jax_worker.py FILE STRATEGY
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import numpy as np

from ccm_tf import distribute
from ccm_tf.distribute.feed import ArrayBatches
from tests.distribute import small


def main(path, name):
    strategy = distribute.start(name)
    with strategy.scope():
        model = small.compiled(False)
    model.jit_compile = True
    x, y = small.data(small.BATCH * small.STEPS)
    data = ArrayBatches((x, y), small.BATCH, None)
    strategy.check_batch_size(small.BATCH)
    history = strategy.fit(model, data, shuffle=False, verbose=0).history
    found = {f"weight_{i}": value for i, value in enumerate(model.get_weights())}
    np.savez(path, loss=history["loss"], replicas=strategy.replicas, **found)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
