"""Points at which a teacher and its student can be compared."""

import dataclasses
from collections.abc import Iterable, Sequence

import keras

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.trace import Tensor

# Networks with more stages give up the last, whose maps are small, and then the first.
_STAGES = 3
# What only adds or removes a frame does not begin a stage.
_FRAMES = ("Pad", "Crop")


@dataclasses.dataclass(frozen=True)
class Point:
    """A feature map in a teacher and its counterpart in a student.

    Attributes:
        name: Name of the operation that makes it in the student.
        teacher: Tensor of the teacher's trace.
        student: Tensor of the student's trace.
        axis: The channel axis of both.
    """

    name: str
    teacher: Tensor
    student: Tensor
    axis: int


def stage_ends(graph: ChannelGraph) -> dict[tuple[int, ...], Tensor]:
    """The last feature map of every size, by its sizes (positions only), in order of execution.

    Maps of one position are left out, and maps of which a size is unknown.
    """
    ends: dict[tuple[int, ...], Tensor] = {}
    for call in graph.trace.calls:
        if any(word in type(call.op).__name__ for word in _FRAMES):
            continue
        for tensor in call.outputs:
            sizes = _positions(graph, tensor)
            if sizes is not None and max(sizes) > 1:
                ends.pop(sizes, None)
                ends[sizes] = tensor
    return ends


def matching_points(
    teacher: ChannelGraph,
    student: ChannelGraph,
    pairs: Iterable[str | Sequence[str]] | None = None,
) -> list[Point]:
    """Pairs of feature maps with the same positions.

    Args:
        teacher: Graph of the teacher.
        student: Graph of the student.
        pairs: Names of layers, or `(name in the teacher, name in the student)`. Defaults to
            `None`, the ends of stages: the last maps of each size that both have. Of more than
            three stages the smallest is left out and the three before it are taken.

    Returns:
        At least one point.

    Raises:
        ValueError: If a name is unknown, positions differ, or nothing matches.
    """
    if pairs is not None:
        points = [_named(teacher, student, pair) for pair in pairs]
    else:
        theirs, ours = stage_ends(teacher), stage_ends(student)
        common = [sizes for sizes in ours if sizes in theirs]
        if len(common) > _STAGES:
            common = common[:-1][-_STAGES:]
        points = [_point(teacher, student, theirs[sizes], ours[sizes]) for sizes in common]
    if not points:
        raise ValueError(
            f"Teacher '{teacher.trace.name}' and student '{student.trace.name}' have no feature "
            "maps of the same size to compare. Name layers of both with `pairs=[('teacher_layer', "
            "'student_layer')]`, give both models the same input size, or leave the transfer out."
        )
    return points


def _named(teacher: ChannelGraph, student: ChannelGraph, pair: str | Sequence[str]) -> Point:
    names = (pair, pair) if isinstance(pair, str) else tuple(pair)
    theirs, ours = (_output(g, name) for g, name in zip((teacher, student), names, strict=True))
    if _positions(teacher, theirs) != _positions(student, ours):
        raise ValueError(
            f"Layers '{names[0]}' of the teacher and '{names[1]}' of the student differ in "
            f"positions. Received maps of shape {theirs.shape} and {ours.shape}."
        )
    return _point(teacher, student, theirs, ours)


def _output(graph: ChannelGraph, name: str) -> Tensor:
    found = [call for call in graph.trace.calls if call.name == name]
    if not found:
        known = ", ".join(graph.trace.ops)
        raise ValueError(f"Model '{graph.trace.name}' has no layer '{name}'. It has: {known}.")
    # The last call of a shared layer, as its value there has seen most.
    return found[-1].outputs[0]


def _point(teacher: ChannelGraph, student: ChannelGraph, theirs: Tensor, ours: Tensor) -> Point:
    name = student.trace.calls[ours.call].name
    return Point(name, theirs, ours, _axis(student, ours))


def _axis(graph: ChannelGraph, tensor: Tensor) -> int:
    channels = graph.channels_of(tensor)
    if channels is not None:
        return channels.axis
    first = keras.config.image_data_format() == "channels_first" and len(tensor.shape) > 2
    return 1 if first else len(tensor.shape) - 1


def _positions(graph: ChannelGraph, tensor: Tensor) -> tuple[int, ...] | None:
    if len(tensor.shape) < 3:
        return None
    axis = _axis(graph, tensor)
    sizes = [s for i, s in enumerate(tensor.shape) if i not in (0, axis)]
    known = tuple(size for size in sizes if size is not None)
    return known if len(known) == len(sizes) else None
