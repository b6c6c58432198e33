"""One of several worker processes: trains the small model, prunes, and says what came out.

python worker.py FILE: TF_CONFIG says which worker; without it, one device trains. The results go
to FILE as `.npz`.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import keras
import numpy as np

import ccm_tf
from ccm_tf import distribute
from tests.distribute import small


def pruned(strategy, images):
    """An untrained model of the strategy: folded, recalibrated, and its eigen plan."""
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = small.network()
    batches = [(images[start : start + 8],) for start in range(0, len(images), 8)]
    plan = distribute.plan(strategy, model, "magnitude", channels=0.6)
    slim = distribute.rewrite(strategy, model, plan, fold="least_squares", data=batches)
    distribute.recalibrate(strategy, slim, batches)
    eigen = distribute.eigen_plan(strategy, model, batches, ratio=0.4)
    return slim, str(eigen)


def main(path, name):
    strategy = distribute.start(name, timeout=120)
    with strategy.scope():
        model = small.compiled(strategy.synchronises)
    losses, weights, logs = small.trained(strategy.fit, model)
    plain = keras.Model(model.inputs, model.outputs, name="plain")
    images = small.data(40)[0]
    plan = distribute.plan(strategy, plain, "pca", images, channels=0.6)
    slim = ccm_tf.rewrite(plain, plan)
    folded, kept = pruned(strategy, images)
    found = {f"weight_{i}": value for i, value in enumerate(weights)}
    np.savez(
        path,
        losses=losses,
        logs=[logs[key] for key in sorted(logs)],
        keys=sorted(logs),
        plan=str(plan.kept),
        hash=distribute.check_same_model(slim, strategy),
        folded=distribute.check_same_model(folded, strategy),
        directions=kept,
        gathered=b"|".join(strategy.gather(b"x" * (3 * strategy.index + 1))).decode(),
        broadcast=strategy.broadcast(f"from {strategy.index}".encode()).decode(),
        **found,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
