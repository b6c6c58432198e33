"""From a plan to a slimmer model."""

from typing import Any

import keras

from ccm_tf.base_plan import BasePlan


def rewrite(
    model: keras.Model,
    plan: BasePlan,
    *,
    fold: str | None = None,
    data: Any = None,
    trainable_rotations: bool = True,
    verbose: int = 0,
) -> keras.Model:
    """Builds the slim model: the same layers with only the channels that the plan keeps.

    Every weight that a removed channel indexes is sliced: kernels on both sides, biases, batch
    normalisation with its moving statistics, the rows of a dense layer behind a flatten. The
    result is an ordinary functional model of ordinary layers with the same names; it saves,
    trains and exports like any other. The original is left untouched, and nothing of its
    compiled state (optimizer, loss, metrics) is carried over.

    With nothing to drop the outputs are bit-identical to the original's. Otherwise they equal
    those of `ccm_tf.mask(model, plan)` up to rounding.

    With `fold="least_squares"` what the removed channels said is not thrown away: layer by layer,
    the inputs of the dense model are predicted from those of the slim one, and the prediction is
    folded into the kernel and the bias that read them. A redundant model loses little that way
    before any fine-tuning. Batch normalisation is best left as it is then.

    With `fold="obs"` the channels of a layer that stay take over what the removed ones did to the
    loss: `ccm_tf.kfe.surgeon.compensated`. It goes with the criteria `"obs"` and `"kron_obs"`.

    An `EigenPlan` removes directions instead of channels: a layer that it names becomes three
    (a rotation, the core and a rotation, with the bias on the last), of the names `conv_kfe_in`,
    `conv` and `conv_kfe_out`; all else stays as it is. A layer that is a bottleneck already has its
    rotations merged with the new ones: there are never more than three.

    Args:
        model: The model that the plan was made for.
        plan: A `PruningPlan` or an `EigenPlan`.
        fold: `None` to slice, `"least_squares"` or `"obs"`. Defaults to `None`.
        data: Inputs to fold with, as for `ccm_tf.plan`; a few hundred samples do.
        trainable_rotations: Whether the rotations of an `EigenPlan` learn; the last carries the
            layer's bias, which then learns or not with it. Defaults to `True`.
        verbose: 1 shows a progress bar while folding. Defaults to 0.

    Returns:
        A new `keras.Model`.

    Raises:
        ValueError: If the plan belongs to another model or contradicts itself, or folding lacks
            data.

    Example:

    ```python
    plan = ccm_tf.plan(model, "pca", images, macs=0.5)
    slim = ccm_tf.rewrite(model, plan)
    slim.compile("adam", "sparse_categorical_crossentropy")
    ```
    """
    return plan.build(
        model, fold=fold, data=data, verbose=verbose, trainable_rotations=trainable_rotations
    )
