"""Training a student beside its teacher."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ccm_tf import replicas
from ccm_tf.recovery.pair import Pair
from ccm_tf.recovery.transfers import LogitsTransfer, Transfer


@keras.saving.register_keras_serializable(package="ccm_tf")
class Distiller(keras.Model):
    """A student that learns from labels and from its teacher, trained like any Keras model.

    The loss is `student_loss_weight` times the compiled loss, plus the student's own penalties,
    plus every transfer times its weight. The student is the model that is pruned; the teacher is
    the dense one, always run in inference mode and never changed. In `evaluate` and `predict` a
    distiller is its student.

    Teacher and student are run once per batch each. The logs hold every transfer by its name
    (`kd`, `at`, `ft`), before its weight. Without a compiled loss no labels are needed.

    Args:
        teacher: A built functional or sequential model.
        student: Likewise, with the same inputs and outputs; it is trained in place.
        transfers: A list of `Transfer`s. Defaults to `None`: `[LogitsTransfer()]`.
        student_loss_weight: Factor of the compiled loss. Defaults to 0.5.
        name: Name of the distiller. Defaults to `"distiller"`.

    Raises:
        ValueError: If the models differ in inputs or outputs, a transfer finds no points, or an
            argument is not what it should be.

    Example:

    ```python
    slim = ccm_tf.rewrite(model, plan)
    distiller = ccm_tf.recovery.Distiller(teacher=model, student=slim)
    distiller.compile("adam", loss, metrics=["accuracy"])
    distiller.fit(images, labels, epochs=3)
    slim.save("slim.keras")
    ```

    Reference:
        Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015,
        arXiv 1503.02531.
    """

    def __init__(
        self,
        teacher: keras.Model,
        student: keras.Model,
        transfers: Sequence[Transfer] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        transfers = [LogitsTransfer()] if transfers is None else list(transfers)
        _check(transfers, student_loss_weight)
        super().__init__(name=name, **kwargs)
        self.teacher, self.student = teacher, student
        self.student_loss_weight = float(student_loss_weight)
        # One plain object, so that Keras tracks nothing of it as a part of the model.
        self._pair = Pair(teacher, student, transfers)
        with replicas.scope_of(student):
            self._trackers = {t.name: keras.metrics.Mean(name=t.name) for t in self._pair.transfers}
        self.built = True

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        return tuple(self._pair.transfers)

    # Not `teacher.trainable = False`: a model rewritten from it later would be frozen, too.
    @property
    def trainable_variables(self) -> list[keras.Variable]:
        return self.student.trainable_variables

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        return self.student.trainable_weights

    @property
    def non_trainable_variables(self) -> list[keras.Variable]:
        return _without(self.variables, self.trainable_variables)

    @property
    def non_trainable_weights(self) -> list[keras.Variable]:
        return _without(self.weights, self.trainable_weights)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training:
            return self.student(inputs, training=training)
        return self._pair.run_student(inputs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        shares = replicas.count()
        own = ops.cast(sum(self.losses), "float32") / shares if self.losses else 0.0
        total = own
        if self.loss is not None:
            # What Keras returns holds the penalties, which keep their full weight.
            supervised = super().compute_loss(x, y, y_pred, sample_weight, training)
            weight = self.student_loss_weight
            total = weight * ops.cast(supervised, "float32") + (1.0 - weight) * own
        teacher = self._pair.run_teacher(x)
        student = self._pair.student_seen(y_pred)
        for place, transfer in enumerate(self._pair.transfers):
            term = transfer.loss(*self._pair.for_transfer(place, teacher, student))
            self._trackers[transfer.name].update_state(ops.stop_gradient(term))
            total = total + transfer.weight * term / shares
        return total + self.game(teacher[0], student[0]) / shares

    def game(self, teacher_logits: list[Any], student_logits: list[Any]) -> Any:
        """A further term from the logits of both; `AdversarialDistiller` plays here."""
        return 0.0

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        found = super().metrics
        pair = getattr(self, "_pair", None)
        if pair is None or not pair.evaluating:
            return found
        training_only = {id(metric) for metric in self.training_metrics()}
        return [metric for metric in found if id(metric) not in training_only]

    def training_metrics(self) -> list[keras.metrics.Metric]:
        """Metrics that say nothing in `evaluate`."""
        return list(self._trackers.values())

    def training_callbacks(self) -> list[keras.callbacks.Callback]:
        """Callbacks that belong to every `fit` of this model."""
        return []

    def evaluation(self) -> contextlib.AbstractContextManager:
        """A context for loops of your own that evaluate: it is the student's alone."""
        return self._pair.evaluation()

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate` of the student."""
        with self.evaluation():
            return super().evaluate(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch` of the student."""
        with self.evaluation():
            return super().test_on_batch(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "teacher": serialize(self.teacher),
            "student": serialize(self.student),
            "transfers": [serialize(transfer) for transfer in self.transfers],
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Distiller":
        restore = keras.saving.deserialize_keras_object
        config = dict(config)
        for key in ("teacher", "student"):
            config[key] = restore(config[key], custom_objects=custom_objects)
        config["transfers"] = [
            restore(one, custom_objects=custom_objects) for one in config["transfers"]
        ]
        return cls(**config)


def _without(variables: list[Any], left_out: list[Any]) -> list[Any]:
    ids = {id(variable) for variable in left_out}
    return [variable for variable in variables if id(variable) not in ids]


def _check(transfers: list[Any], student_loss_weight: float) -> None:
    for transfer in transfers:
        if not isinstance(transfer, Transfer):
            raise ValueError(
                "Argument `transfers` must be a list of `ccm_tf.recovery.LogitsTransfer`, "
                f"`AttentionTransfer`, … Received: {transfer!r}."
            )
    names = [transfer.name for transfer in transfers]
    if len(set(names)) < len(names):
        raise ValueError(f"Each kind of transfer may be there once. Received: {names}.")
    if not student_loss_weight >= 0:
        raise ValueError(
            f"Argument `student_loss_weight` must be >= 0. Received: {student_loss_weight!r}."
        )
