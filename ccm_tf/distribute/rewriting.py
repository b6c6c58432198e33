"""One slim model on all workers: folded on samples of all of them."""

from typing import Any

import keras
import numpy as np

from ccm_tf.base_plan import BasePlan
from ccm_tf.distribute.agreement import check_same_model
from ccm_tf.distribute.strategy import Strategy
from ccm_tf.rewrite import rewrite as rewrite_alone


def rewrite(
    strategy: Strategy, model: keras.Model, plan: BasePlan, *, data: Any = None, **options: Any
) -> keras.Model:
    """`ccm_tf.rewrite`, with the work of folding divided among workers. All must call it alike.

    Every worker looks at its share of the batches, as for `ccm_tf.distribute.plan`: the folded
    weights are the same to the last bit from 1, 2 and 4 of them. The weights of the chief's slim
    model then go to all.

    Args:
        strategy: The running strategy.
        model: The same model on every worker.
        plan: The same plan on every worker.
        data: As for `ccm_tf.rewrite`; the same data on every worker, of which each reads its share.
        **options: Further arguments of `ccm_tf.rewrite`, such as `fold`.

    Returns:
        The slim model, the same on every worker.

    Raises:
        ValueError: As `ccm_tf.rewrite`.
        RuntimeError: If a worker has another model or another plan than the chief.

    Example:

    ```python
    plan = ccm_tf.distribute.plan(strategy, model, "pca", images, macs=0.5)
    slim = ccm_tf.distribute.rewrite(
        strategy, model, plan, fold="least_squares", data=images[:512]
    )
    ```
    """
    share = None if data is None else strategy.shard(data)
    if strategy.workers == 1:
        return rewrite_alone(model, plan, data=share, **options)
    # Before any work: sums over different models mean nothing.
    check_same_model(model, strategy)
    slim = rewrite_alone(model, plan, data=share, **options)
    _take_over(slim, strategy)
    check_same_model(slim, strategy)
    return slim


def _take_over(model: keras.Model, strategy: Strategy) -> None:
    """Gives a model the chief's weights, so that linear algebra may round otherwise elsewhere."""
    values = [np.ascontiguousarray(keras.ops.convert_to_numpy(weight)) for weight in model.weights]
    sent = strategy.broadcast(b"".join(value.tobytes() for value in values))
    # A model of another size stays as it is: the hashes will tell.
    if strategy.chief or len(sent) != sum(value.nbytes for value in values):
        return
    start = 0
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(np.frombuffer(sent, value.dtype, value.size, start).reshape(value.shape))
        start += value.nbytes
