"""One set of batch statistics for all workers, from samples of all of them."""

from typing import Any

import keras

from ccm_tf.distribute.agreement import check_same_model
from ccm_tf.distribute.strategy import Strategy
from ccm_tf.recovery.recalibrate import recalibrate as recalibrate_alone


def recalibrate(strategy: Strategy, model: keras.Model, data: Any, **options: Any) -> keras.Model:
    """`ccm_tf.recalibrate`, with the work divided among workers. All must call it alike.

    Every worker looks at its share of the batches, as for `ccm_tf.distribute.plan`: the moving
    means and variances are the same to the last bit from 1, 2 and 4 of them.

    Args:
        strategy: The running strategy.
        model: The same model on every worker.
        data: As for `ccm_tf.recalibrate`; the same data on every worker, of which each reads its
            share.
        **options: Further arguments of `ccm_tf.recalibrate`.

    Returns:
        The model itself.

    Raises:
        ValueError: As `ccm_tf.recalibrate`.
        RuntimeError: If a worker has another model than the chief.

    Example:

    ```python
    slim = ccm_tf.distribute.rewrite(strategy, model, plan)
    ccm_tf.distribute.recalibrate(strategy, slim, images)
    ```
    """
    if strategy.workers > 1:
        # Before any work: averages over different models mean nothing.
        check_same_model(model, strategy)
    return recalibrate_alone(model, strategy.shard(data), **options)
