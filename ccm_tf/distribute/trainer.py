"""Training with several workers, where Keras's own `fit` fails."""

import contextlib
from typing import Any

import keras

from ccm_tf.ccm.history import with_ccm_callbacks
from ccm_tf.ccm.model import Model
from ccm_tf.distribute.executions import Executions
from ccm_tf.distribute.feed import ArrayBatches, Feed


class Trainer:
    """`fit` and `evaluate` of a compiled model under a `tf.distribute` strategy.

    Keras 3 trains under `MirroredStrategy`, but its `fit` fails under
    `MultiWorkerMirroredStrategy`. This does the same with `strategy.run` on the model's own
    `train_step`, so losses, `add_loss` terms, regularizers and gradients are those of Keras:
    each replica's loss is divided by the number of replicas, and `optimizer.apply_gradients` sums
    the gradients. Models with a `train_step` of their own work too.

    All workers must call it alike, with callbacks that do the same everywhere: what they see in
    the logs is averaged over all replicas, so those that stop the training stop all workers at
    once. Writing files is the chief's business.

    Data are global batches, the same on every worker, of which each replica gets an equal part;
    samples that are left over at the end of an epoch (fewer than replicas) are left out. In
    evaluation none is. A `tf.data.Dataset` is sharded as its options say, see
    `tf.data.experimental.AutoShardPolicy`.

    Args:
        model: A compiled model made in the strategy's scope.
        strategy: A `TensorFlowStrategy`.

    Raises:
        ValueError: If the model is not compiled, or was made outside the strategy's scope.

    Example:

    ```python
    strategy = ccm_tf.distribute.start("multi_worker")
    with strategy.scope():
        model = make_model()
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    ccm_tf.distribute.Trainer(model, strategy).fit(images, labels, batch_size=256, epochs=10)
    ```
    """

    def __init__(self, model: keras.Model, strategy: Any):
        if not model.compiled:
            raise ValueError("The model is not compiled. Call `model.compile(...)` first.")
        if model.distribute_strategy is not strategy.native:
            raise ValueError(
                f"Model '{model.name}' was made outside the scope of the strategy, so it would "
                "train on one replica. Make and compile it in `with strategy.scope():`."
            )
        self.model = model
        self.strategy = strategy
        self._executions = Executions(model, strategy)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_data: Any = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        seed: int = 0,
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`.

        Args:
            x: Arrays, a `keras.utils.PyDataset`, or a `tf.data.Dataset` of global batches.
            y: Targets, if `x` is arrays.
            batch_size: Samples per step over all replicas, if `x` is arrays. Defaults to 32.
            epochs: Number of the last epoch.
            verbose: 0, 1, 2 or `"auto"`: 1 on the chief, 0 elsewhere.
            callbacks: As for `keras.Model.fit`; the same on all workers.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or a data set.
            shuffle: Whether arrays are shuffled in every epoch, as `seed` and epoch say.
            sample_weight: Weights, if `x` is arrays.
            initial_epoch: Epochs that are done already.
            steps_per_epoch: Batches per epoch; needed if the data cannot say.
            validation_steps: Likewise.
            validation_batch_size: Defaults to `batch_size`.
            validation_freq: Evaluate every so many epochs.
            seed: Seed of the order of arrays.

        Returns:
            The `History` of Keras.

        Raises:
            ValueError: If the replicas do not divide a batch, or data is of a kind that cannot be
                shared.
        """
        order = seed if shuffle else None
        data = self._data(x, y, sample_weight, batch_size, order, initial_epoch)
        feed = Feed(self.strategy, data, steps_per_epoch, equal=True)
        watched = None
        if validation_data is not None:
            parts = validation_data if isinstance(validation_data, tuple) else (validation_data,)
            x, y, sample_weight = (*parts, None, None)[:3]
            watched = self._evaluation_feed(
                x, y, sample_weight, validation_batch_size or batch_size, validation_steps
            )
        self._executions.build(feed.example)
        listeners = self._callbacks(callbacks, verbose, epochs, feed.steps)
        self.model.stop_training = False
        listeners.on_train_begin()
        logs: dict[str, Any] = {}
        for epoch in range(initial_epoch, epochs):
            logs = self._epoch(epoch, feed, listeners)
            if watched is not None and (epoch + 1) % validation_freq == 0:
                found = self._evaluated(watched, listeners)
                logs |= {f"val_{name}": value for name, value in found.items()}
            listeners.on_epoch_end(epoch, logs)
            if self.model.stop_training:
                break
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        listeners.on_train_end(logs)
        return self.model.history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
    ) -> dict[str, float]:
        """As `keras.Model.evaluate` with `return_dict=True`, over all samples.

        Args:
            x: Arrays, a `keras.utils.PyDataset`, or a `tf.data.Dataset` of global batches.
            y: Targets, if `x` is arrays.
            batch_size: Samples per step over all replicas, if `x` is arrays. Defaults to 32.
            verbose: As for `fit`.
            sample_weight: Weights, if `x` is arrays.
            steps: Batches; needed if the data cannot say.
            callbacks: As for `keras.Model.evaluate`.

        Returns:
            Name of each metric to its value over all workers.
        """
        feed = self._evaluation_feed(x, y, sample_weight, batch_size, steps)
        self._executions.build(feed.example)
        return self._evaluated(feed, self._callbacks(callbacks, verbose, 1, feed.steps))

    def _epoch(self, epoch: int, feed: Feed, listeners: Any) -> dict[str, Any]:
        model, at_once = self.model, self.model.steps_per_execution
        model.reset_metrics()
        listeners.on_epoch_begin(epoch)
        iterator = feed.iterator()
        for first in range(0, feed.steps, at_once):
            last = min(first + at_once, feed.steps)
            listeners.on_train_batch_begin(first)
            logs = self._executions.train(iterator, last - first)
            listeners.on_train_batch_end(last - 1, logs)
            if model.stop_training:
                break
        feed.end()
        return dict(_numbers(model.get_metrics_result()))

    def _evaluated(self, feed: Feed, listeners: Any) -> dict[str, float]:
        model = self.model
        # Models of this library watch more in training than in evaluation.
        with getattr(model, "evaluation", contextlib.nullcontext)():
            listeners.on_test_begin()
            model.reset_metrics()
            iterator = feed.iterator()
            for step in range(feed.steps):
                listeners.on_test_batch_begin(step)
                self._executions.test(iterator)
                listeners.on_test_batch_end(step)
            feed.end()
            logs = _numbers(model.get_metrics_result())
            listeners.on_test_end(logs)
        return logs

    def _evaluation_feed(self, x, y, sample_weight, batch_size, steps) -> Feed:
        return Feed(
            self.strategy, self._data(x, y, sample_weight, batch_size, None), steps, equal=False
        )

    def _data(self, x, y, sample_weight, batch_size, seed, epoch=0) -> Any:
        if y is None and (isinstance(x, keras.utils.PyDataset) or hasattr(x, "element_spec")):
            return x
        if y is None:
            return x if not hasattr(x, "shape") else ArrayBatches((x,), batch_size or 32, seed)
        arrays = (x, y) if sample_weight is None else (x, y, sample_weight)
        return ArrayBatches(arrays, batch_size or 32, seed, epoch)

    def _callbacks(self, callbacks, verbose, epochs, steps) -> Any:
        if isinstance(callbacks, keras.callbacks.CallbackList):
            return callbacks
        if verbose == "auto":
            verbose = 1 if self.strategy.chief else 0
        if isinstance(self.model, Model) and self.model.ccm_losses:
            callbacks = with_ccm_callbacks(callbacks, verbose)
        own: Any = getattr(self.model, "training_callbacks", list)
        callbacks = [*keras.tree.flatten(callbacks or []), *own()]
        return keras.callbacks.CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
            model=self.model,
        )


def _numbers(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(keras.ops.convert_to_numpy(value)) for name, value in logs.items()}
