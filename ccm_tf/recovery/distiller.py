"""Training a student beside its teacher."""

import threading
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ccm_tf import replicas
from ccm_tf.graph import ChannelGraph
from ccm_tf.recovery.logits import output_kinds, to_logits
from ccm_tf.recovery.transfers import LogitsTransfer, Seen, Transfer
from ccm_tf.statistics.taps import Probe, tapped


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
        self._pair = _Pair(teacher, student, transfers)
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

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate` of the student."""
        with self._pair.evaluation():
            return super().evaluate(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch` of the student."""
        with self._pair.evaluation():
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


class _Pair:
    """Both models as graphs, and what is looked at in them."""

    def __init__(self, teacher: keras.Model, student: keras.Model, transfers: list[Transfer]):
        graphs = ChannelGraph(teacher), ChannelGraph(student)
        _check_outputs(*(graph.trace for graph in graphs))
        self.transfers = transfers
        self.points = [transfer.points(*graphs) for transfer in transfers]
        points = [point for found in self.points for point in found]
        _check_losses(student, points)
        self._student = student
        self._trace = graphs[1].trace
        self._kinds = [output_kinds(graph.trace) for graph in graphs]
        self._wanted = [point.student for point in points]
        theirs = [point.teacher for point in points]
        self._teacher = Probe(
            teacher,
            graphs[0].trace,
            lambda trace, inputs: _with_outputs(trace, inputs, theirs),
            name="teacher",
        )
        self.evaluating = False
        # Replica threads share the model, so each keeps the maps of its own step.
        self._step = threading.local()

    def run_student(self, inputs: Any) -> Any:
        """Outputs in training; the maps wait for the loss."""
        if not self._wanted:
            self._step.maps = []
            return self._student(inputs, training=True)
        outputs, self._step.maps = _with_outputs(self._trace, inputs, self._wanted, training=True)
        return outputs

    def student_seen(self, outputs: Any) -> tuple[list[Any], list[Any]]:
        maps, self._step.maps = self._step.maps, None
        return self._logits(outputs, 1), maps

    def run_teacher(self, inputs: Any) -> tuple[list[Any], list[Any]]:
        outputs, maps = self._teacher(inputs, training=False)
        logits, maps = keras.tree.map_structure(
            ops.stop_gradient, (self._logits(outputs, 0), list(maps))
        )
        return logits, maps

    def _logits(self, outputs: Any, which: int) -> list[Any]:
        flat = keras.tree.flatten(outputs)
        return [to_logits(x, kind) for x, kind in zip(flat, self._kinds[which], strict=True)]

    def for_transfer(self, place: int, teacher: tuple, student: tuple) -> tuple[Seen, Seen]:
        first = sum(len(points) for points in self.points[:place])
        points = self.points[place]
        part = slice(first, first + len(points))
        return Seen(teacher[0], teacher[1][part], points), Seen(
            student[0], student[1][part], points
        )

    def evaluation(self) -> "_Evaluation":
        return _Evaluation(self)


class _Evaluation:
    """While evaluating, metrics of training are neither reset nor reported."""

    def __init__(self, pair: _Pair):
        self._pair = pair

    def __enter__(self) -> None:
        self._before, self._pair.evaluating = self._pair.evaluating, True

    def __exit__(self, *error: Any) -> None:
        self._pair.evaluating = self._before


def _with_outputs(
    trace: Any, inputs: Any, wanted: list[Any], training: bool | None = None
) -> tuple[Any, list[Any]]:
    values = tapped(trace, inputs, [*wanted, *trace.flat_outputs], training)
    outputs = keras.tree.pack_sequence_as(trace.outputs, values[len(wanted) :])
    return outputs, values[: len(wanted)]


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


def _check_outputs(teacher: Any, student: Any) -> None:
    for what, theirs, ours in (
        ("inputs", teacher.flat_inputs, student.flat_inputs),
        ("outputs", teacher.flat_outputs, student.flat_outputs),
    ):
        shapes = [tuple(t.shape[1:]) for t in theirs], [tuple(t.shape[1:]) for t in ours]
        fits = len(theirs) == len(ours) and all(
            len(a) == len(b) and all(None in (m, n) or m == n for m, n in zip(a, b, strict=True))
            for a, b in zip(*shapes, strict=True)
        )
        if not fits:
            raise ValueError(
                f"Teacher '{teacher.name}' and student '{student.name}' must have the same "
                f"{what}. Received shapes {shapes[0]} and {shapes[1]} (less the batch). A student "
                "made by `ccm_tf.rewrite` fits the model that it was made from."
            )


def _check_losses(student: keras.Model, points: list[Any]) -> None:
    if points and getattr(student, "ccm_losses", None):
        raise ValueError(
            f"Student '{student.name}' has CCM-losses, which do not run while its feature maps are "
            "watched. Pass the plain model: `keras.Model(student.inputs, student.outputs)`."
        )
