"""Times of one operator over its channels, between which is interpolated."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from ccm_tf.latency.operators import MIXING, Operator, Pair

# Parts of the largest width at which is measured.
_PARTS = (1 / 8, 1 / 4, 1 / 2, 1)


@dataclasses.dataclass(frozen=True)
class Grid:
    """Times over the channels that an operator reads and makes.

    Attributes:
        inputs: Numbers of input channels, ascending.
        outputs: Numbers of output channels, ascending; a single entry for operators that do not
            mix channels.
        milliseconds: Times, by input and output.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    milliseconds: tuple[tuple[float, ...], ...]

    @classmethod
    def points(cls, operator: Operator, most: Pair, steps: Pair) -> tuple[list[int], list[int]]:
        """Where to measure: at multiples of the steps, up to the largest widths."""
        inputs = _points(most[0], steps[0])
        return inputs, _points(most[1], steps[1]) if operator.kind in MIXING else [0]

    @classmethod
    def of(
        cls, inputs: Sequence[int], outputs: Sequence[int], milliseconds: Sequence[float]
    ) -> "Grid":
        """A grid of measured times, made to grow with the channels: noise does not save time."""
        times = np.reshape(np.asarray(milliseconds, float), (len(inputs), len(outputs)))
        times = np.maximum.accumulate(np.maximum.accumulate(times, axis=0), axis=1)
        return cls(tuple(inputs), tuple(outputs), tuple(map(tuple, times.tolist())))

    def covers(self, widths: Pair) -> bool:
        """Whether widths lie within the largest that were measured."""
        return widths[0] <= self.inputs[-1] and (
            len(self.outputs) == 1 or widths[1] <= self.outputs[-1]
        )

    def at(self, widths: Pair, steps: Pair) -> float:
        """Time for some widths in milliseconds.

        Args:
            widths: Channels that are read and made.
            steps: Multiples to which the processor rounds them up.
        """
        read, made = (_rounded(width, step) for width, step in zip(widths, steps, strict=True))
        columns = zip(*self.milliseconds, strict=True)
        rows = [float(np.interp(read, self.inputs, column)) for column in columns]
        return rows[0] if len(rows) == 1 else float(np.interp(made, self.outputs, rows))


def _points(most: int, step: int) -> list[int]:
    found = {_rounded(max(1, round(part * most)), step) for part in _PARTS}
    return sorted(found | {_rounded(1, step)})


def _rounded(width: int, step: int) -> int:
    return -(-width // step) * step


def largest(widths: Iterable[Pair]) -> Pair:
    """The largest of each of the two widths."""
    pairs = list(widths)
    return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)
