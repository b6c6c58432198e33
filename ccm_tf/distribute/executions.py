"""The compiled steps of a `Trainer`."""

from typing import Any

import keras

from ccm_tf.distribute.lost import lost_workers_named


class Executions:
    """Training and test steps of a model on all replicas, compiled.

    Args:
        model: A compiled model.
        strategy: A `TensorFlowStrategy`.
    """

    def __init__(self, model: keras.Model, strategy: Any):
        self._model = model
        self._native = strategy.native
        self._installed: Any = None
        self._test: Any = None
        self._tested: Any = None

    def build(self, example: Any) -> None:
        """Makes the variables of optimizer and metrics, in the scope and outside of any step.

        Args:
            example: A batch, of which only shapes and types matter.
        """
        model, before = self._model, self._model.test_function
        # `test_on_batch` builds a model before its first step; the step itself is not wanted.
        model.test_function = lambda iterator: {}
        try:
            model.test_on_batch(*(example if isinstance(example, tuple) else (example,)))
        finally:
            model.test_function = before
        model.reset_metrics()

    def train(self, iterator: Any, steps: int) -> dict[str, Any]:
        """Some training steps.

        Args:
            iterator: Where the batches come from.
            steps: How many.

        Returns:
            The metrics so far, averaged over replicas: the same on all workers.
        """
        import tensorflow as tf

        if self._installed is None or self._model.train_function is not self._installed:
            # Whoever changes a model in training (its losses, its widths) makes Keras replace its
            # train function: the steps have to be compiled anew then.
            self._installed = self._model.train_function = self._train_function()
        with lost_workers_named():
            values = self._installed(iterator, tf.constant(steps)).numpy().tolist()
        return dict(zip(self._names, values, strict=True))

    def test(self, iterator: Any) -> None:
        """One test step; its results are in the metrics."""
        # Whoever changes a model makes Keras replace its test function too.
        if self._test is None or self._model.test_function is not self._tested:
            self._test, self._tested = self._test_function(), self._model.test_function
        with lost_workers_named():
            self._test(iterator)

    def _train_function(self) -> Any:
        import tensorflow as tf

        model, native = self._model, self._native

        def one(done: Any, iterator: Any) -> Any:
            native.run(model.train_step, args=(next(iterator),))
            return done + 1

        def metrics() -> Any:
            found = model.get_metrics_result()
            self._names = list(found)
            values = tf.stack([tf.cast(value, "float32") for value in found.values()])
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)

        def execute(iterator: Any, steps: Any) -> Any:
            tf.while_loop(
                lambda done: done < steps, lambda done: (one(done, iterator),), [tf.constant(0)]
            )
            return native.experimental_local_results(native.run(metrics))[0]

        return tf.function(execute, autograph=False)

    def _test_function(self) -> Any:
        import tensorflow as tf

        model, native = self._model, self._native

        def step(data: Any) -> None:
            def some() -> Any:
                model.test_step(data)
                return tf.constant(True)

            # A replica that got no sample has nothing to say.
            rows = tf.shape(tf.nest.flatten(data)[0])[0]
            tf.cond(rows > 0, some, lambda: tf.constant(False))

        def execute(iterator: Any) -> None:
            native.run(step, args=(next(iterator),))

        return tf.function(execute, autograph=False)
