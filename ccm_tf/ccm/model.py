"""A Keras model to which CCM-losses can be added."""

import contextlib
import inspect
import threading
from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf import replicas
from ccm_tf.ccm.history import CCMScores, with_ccm_callbacks
from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.ccm.tapped import TappedModel, Watched
from ccm_tf.ccm.watchable import watchable_call
from ccm_tf.evaluating import Evaluating
from ccm_tf.graph.trace import functional_view


@keras.saving.register_keras_serializable(package="ccm_tf")
class Model(keras.Model):
    """A functional `keras.Model` whose `add_loss` takes a `ccm_tf.CCMLoss(layer)`.

    It shares the layers it is made of and does not change them: in training it runs them one by
    one and watches those that a loss was added for; in `evaluate`, `predict` and `export` it is an
    ordinary model. Losses can be added before or after `compile`, and are saved and loaded with
    the model.

    While fitting, `ccm` is the mean S (mean absolute channel correlation) over the watched layers;
    `history` holds each layer's own S as `ccm/<layer>` beside it. `loss` is the compiled loss
    minus the sum of `weight * S`.

    Args:
        inputs: Input tensors, as for `keras.Model`.
        outputs: Output tensors, as for `keras.Model`.
        name: Name of the model. Defaults to a generated one.
        **kwargs: Further arguments of `keras.Model`, such as `trainable`.

    Raises:
        ValueError: If `inputs` or `outputs` is missing.

    Example:

    ```python
    model = ccm_tf.Model(inputs, outputs)  # or ccm_tf.Model.from_model(model)
    for layer in ccm_tf.feature_layers(model):
        model.add_loss(ccm_tf.CCMLoss(layer, weight=0.01))
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(images, labels).history  # "loss", "ccm", "ccm/relu_1", …
    ```

    `keras.models.clone_model` copies the network without its losses; to copy both, use
    `ccm_tf.Model.from_config(model.get_config())`.

    Reference:
        Wang et al., "Filter Pruning For CNN With Enhanced Linear Representation Redundancy",
        2023, arXiv 2310.06344.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        # Not `(inputs, outputs, name=None)`: Keras 3.14 would not save such a class's graph.
        if len(args) + len({"inputs", "outputs"}.intersection(kwargs)) < 2:
            raise ValueError(
                "Expected `ccm_tf.Model(inputs, outputs)` with tensors of the functional API, or "
                "`ccm_tf.Model.from_model(model)` for a model that exists. "
                f"Received: {len(args)} positional arguments and {sorted(kwargs)}"
            )
        super().__init__(*args, **kwargs)
        # One plain object, so that Keras tracks nothing of it as a part of the model.
        self._ccm = _Watch()

    @classmethod
    def from_model(cls, model: keras.Model) -> "Model":
        """The same layers as a `ccm_tf.Model`.

        Args:
            model: A built functional or sequential model. It stays usable, and sees what is
                trained, since the layers are shared. It need not be compiled; what it was
                compiled with is not carried over.

        Returns:
            A model of the same name, with the CCM-losses that `model` has, if any.

        Raises:
            ValueError: If `model` is subclassed or not built.
        """
        view = functional_view(model)
        with replicas.scope_of(model):
            made = cls(view.input, view.output, name=model.name)
        made.dtype_policy = model.dtype_policy
        for loss in getattr(model, "ccm_losses", ()):
            made.add_loss(CCMLoss.from_config(loss.get_config()))
        return made

    @property
    def ccm_losses(self) -> tuple[CCMLoss, ...]:
        """The losses that were added, in order."""
        return tuple(self._ccm.losses)

    @property
    def ccm_watched(self) -> tuple[Watched, ...]:
        """The losses, each with the layer or operation whose output it watches."""
        if self._ccm.tapped is None:
            return ()
        operations = self._ccm.tapped.trace.ops
        return tuple((loss, operations[str(loss.layer_name)]) for loss in self._ccm.losses)

    def add_loss(self, loss: CCMLoss) -> None:
        """Adds a CCM-loss on the output of one of the model's layers.

        Args:
            loss: A `ccm_tf.CCMLoss(layer)`. If the layer is shared, each of its calls counts.
                Several losses may watch one layer.

        Raises:
            ValueError: If `loss` is something else or has no layer, or if the layer is not in
                the model or its output has no channels.
        """
        if not isinstance(loss, CCMLoss):
            raise ValueError(
                "`ccm_tf.Model.add_loss` takes a `ccm_tf.CCMLoss(layer)`. For another penalty, "
                "put a layer into the model that calls `self.add_loss(tensor)` in its `call`. "
                f"Received: {loss!r} (of type {type(loss).__name__})"
            )
        if self._ccm.tapped is None:
            self._ccm.tapped = TappedModel(self)
        # The name in the trace, which is unique over nested models too.
        loss.layer_name = watchable_call(self, loss, self._ccm.tapped.trace.calls).name
        self._ccm.losses.append(loss)
        with replicas.scope_of(self):
            self._ccm.metric = CCMScores([str(loss.layer_name) for loss in self._ccm.losses])
        if self.train_function is not None:
            # Compiled functions keep the losses that they were traced with.
            self.make_train_function(force=True)

    def ccm_scores(self) -> dict[str, float]:
        """Mean S of every watched layer since the epoch began, as `{"ccm/<layer>": S}`."""
        return {} if self._ccm.metric is None else self._ccm.metric.per_layer()

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any):
        if not training or self._ccm.tapped is None or not self._ccm.losses:
            return super().call(inputs, training=training, mask=mask, **kwargs)
        watched = [*self.ccm_watched, *_watched_inside(self)]
        outputs, indices, scores = self._ccm.tapped(watched, inputs, training, mask, **kwargs)
        weights = np.array([watched[index][0].weight for index in indices], "float32")
        for term in ops.unstack(-weights * scores, len(indices)):
            replicas.add_loss(self, term)
        self._ccm.step.scores = _mean_per_loss(scores, indices, len(self._ccm.losses))
        return outputs

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        # Here and not in `call`, because on JAX metrics change only in this part of a step.
        scores = self._ccm.take_scores()
        if training and scores is not None and self._ccm.metric is not None:
            self._ccm.metric.update_state(scores)
        return loss

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        watch = getattr(self, "_ccm", None)
        if watch is None or watch.metric is None or watch.evaluating:
            return super().metrics
        return [*super().metrics, watch.metric]

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As `keras.Model.fit`, with S of every watched layer in the logs."""
        if not self._ccm.losses:
            return super().fit(*args, **kwargs)
        call = inspect.signature(super().fit).bind(*args, **kwargs)
        call.apply_defaults()
        call.arguments["callbacks"] = with_ccm_callbacks(
            call.arguments["callbacks"], call.arguments["verbose"]
        )
        return super().fit(*call.args, **call.kwargs)

    def evaluation(self) -> contextlib.AbstractContextManager:
        """A context for loops of your own that evaluate: S is neither reset nor reported in it."""
        return self._ccm.evaluation()

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`: without the CCM-losses and without S."""
        with self.evaluation():
            return super().evaluate(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch`: without the CCM-losses and without S."""
        with self.evaluation():
            return super().test_on_batch(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["ccm_losses"] = [keras.saving.serialize_keras_object(x) for x in self.ccm_losses]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Model":
        config = dict(config)
        losses = config.pop("ccm_losses", ())
        model = super().from_config(config, custom_objects=custom_objects)
        for loss in losses:
            model.add_loss(keras.saving.deserialize_keras_object(loss))
        return model


class _Watch(Evaluating):
    """What a `Model` knows about its CCM-losses."""

    def __init__(self) -> None:
        self.losses: list[CCMLoss] = []
        self.tapped: TappedModel | None = None
        self.metric: CCMScores | None = None
        # Replica threads share the model, so each keeps the scores of its own step.
        self.step = threading.local()

    def take_scores(self) -> Any:
        scores = getattr(self.step, "scores", None)
        self.step.scores = None
        return scores


def _mean_per_loss(scores, indices, losses):
    """Mean S over the calls of each of the model's own losses, which come first."""
    calls = np.arange(losses)[:, None] == np.array(indices)
    shares = calls / calls.sum(axis=1, keepdims=True)
    return ops.sum(ops.convert_to_tensor(shares, "float32") * scores, axis=1)


def _watched_inside(model: keras.Model) -> list[Watched]:
    """What the `Model`s nested in a model watch: run layer by layer, they are not called."""
    found: list[Watched] = []
    for layer in model.layers:
        if isinstance(layer, Model):
            found += layer.ccm_watched
        if isinstance(layer, keras.Model):
            found += _watched_inside(layer)
    return found
