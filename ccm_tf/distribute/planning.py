"""One plan for all workers: statistics from all of them, a choice by one."""

import json
from typing import Any

import keras

from ccm_tf.criteria import Criterion
from ccm_tf.distribute.strategy import Strategy
from ccm_tf.kfe.eigen_plan import EigenPlan
from ccm_tf.kfe.factors import KroneckerFactors
from ccm_tf.kfe.planner import plan as eigen_plan_alone
from ccm_tf.plan import plan as plan_alone
from ccm_tf.pruning_plan import PruningPlan


def plan(
    strategy: Strategy,
    model: keras.Model,
    criterion: str | Criterion,
    data: Any = None,
    **options: Any,
) -> PruningPlan:
    """`ccm_tf.plan`, with the work divided among workers. All workers must call it alike.

    Every worker looks at its share of the batches; the sums are brought together in an order that
    does not depend on the number of workers, so that the plan is the same to the last bit from 1,
    2 and 4 of them. The chief's plan then goes to all.

    Args:
        strategy: The running strategy.
        model: The same model on every worker.
        criterion: As for `ccm_tf.plan`.
        data: Likewise; the same data on every worker, of which each reads its share.
        **options: Further arguments of `ccm_tf.plan`: the target and the limits.

    Returns:
        The chief's plan; its `rankings` are on the chief alone.

    Raises:
        ValueError: As `ccm_tf.plan`.

    Example:

    ```python
    plan = ccm_tf.distribute.plan(strategy, model, "pca", images, macs=0.5)
    slim = ccm_tf.distribute.rewrite(strategy, model, plan)
    ```
    """
    made = plan_alone(model, criterion, None if data is None else strategy.shard(data), **options)
    if strategy.workers == 1:
        return made
    text = strategy.broadcast(json.dumps(made.as_dict()).encode())
    return made if strategy.chief else PruningPlan.from_dict(json.loads(text))


def eigen_plan(
    strategy: Strategy, model: keras.Model, factors_or_data: Any, **options: Any
) -> EigenPlan:
    """`ccm_tf.kfe.plan`, with the work divided among workers. All workers must call it alike.

    Every worker gathers the Kronecker factors of its share of the batches, in both passes with
    `rescale=True`; as for `ccm_tf.distribute.plan` the result is the same to the last bit from 1, 2
    and 4 workers. The chief's plan then goes to all.

    Args:
        strategy: The running strategy.
        model: The same model on every worker.
        factors_or_data: As for `ccm_tf.kfe.plan`; the same on every worker. Of data each reads its
            share.
        **options: Further arguments of `ccm_tf.kfe.plan`.

    Returns:
        The chief's plan.

    Raises:
        ValueError: As `ccm_tf.kfe.plan`.

    Example:

    ```python
    plan = ccm_tf.distribute.eigen_plan(strategy, model, images, ratio=0.6)
    slim = ccm_tf.distribute.rewrite(strategy, model, plan)
    ccm_tf.distribute.recalibrate(strategy, slim, images)
    ```
    """
    if not isinstance(factors_or_data, KroneckerFactors):
        factors_or_data = strategy.shard(factors_or_data)
    made = eigen_plan_alone(model, factors_or_data, **options)
    if strategy.workers == 1:
        return made
    payload = strategy.broadcast(made.as_bytes())
    return made if strategy.chief else EigenPlan.from_bytes(payload)
