"""A teacher and a student as graphs, run side by side on a batch."""

import threading
from typing import Any

import keras
from keras import ops

from ccm_tf.evaluating import Evaluating
from ccm_tf.graph import ChannelGraph
from ccm_tf.recovery.logits import output_kinds, to_logits
from ccm_tf.recovery.transfers import Seen, Transfer
from ccm_tf.statistics.taps import Probe, tapped


class Pair(Evaluating):
    """Both models as graphs, and what is looked at in them.

    Args:
        teacher: A built functional or sequential model.
        student: Likewise, with the same inputs and outputs.
        transfers: What the student learns.

    Attributes:
        transfers: The same.

    Raises:
        ValueError: If the models differ in inputs or outputs, or a transfer finds no points.
    """

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
        """Logits of these outputs, and the maps of the same run."""
        maps, self._step.maps = self._step.maps, None
        return self._logits(outputs, 1), maps

    def run_teacher(self, inputs: Any) -> tuple[list[Any], list[Any]]:
        """Logits and maps in inference mode, without a gradient."""
        outputs, maps = self._teacher(inputs, training=False)
        logits, maps = keras.tree.map_structure(
            ops.stop_gradient, (self._logits(outputs, 0), list(maps))
        )
        return logits, maps

    def _logits(self, outputs: Any, which: int) -> list[Any]:
        flat = keras.tree.flatten(outputs)
        return [to_logits(x, kind) for x, kind in zip(flat, self._kinds[which], strict=True)]

    def for_transfer(self, place: int, teacher: tuple, student: tuple) -> tuple[Seen, Seen]:
        """What one of the transfers compares, out of what all of them look at."""
        first = sum(len(points) for points in self.points[:place])
        points = self.points[place]
        part = slice(first, first + len(points))
        return Seen(teacher[0], teacher[1][part], points), Seen(
            student[0], student[1][part], points
        )


def _with_outputs(
    trace: Any, inputs: Any, wanted: list[Any], training: bool | None = None
) -> tuple[Any, list[Any]]:
    values = tapped(trace, inputs, [*wanted, *trace.flat_outputs], training)
    outputs = keras.tree.pack_sequence_as(trace.outputs, values[len(wanted) :])
    return outputs, values[: len(wanted)]


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
