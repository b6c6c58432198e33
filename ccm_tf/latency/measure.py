"""Times of single operators on this machine."""

from collections.abc import Callable, Sequence

import numpy as np

from ccm_tf.latency.operators import Operator
from ccm_tf.latency.single import single_operator
from ccm_tf.latency.slices import feeder
from ccm_tf.latency.timing import interleaved, median_alone
from ccm_tf.litert_file import open_interpreter

# An operator and how many channels it reads and makes.
Sized = tuple[Operator, int, int]
Measure = Callable[[Sequence[Sized]], list[float]]

_ROUNDS = 15
# Interpreters that are open at the same time, at least; and how often networks repeat operators.
_TOGETHER = 16
_REPEATS = 2
# An operator that computes next to nothing; and the part of a time that is left in any case.
_EMPTY: Sized = (Operator("clamp"), 1, 1)
_LEAST = 0.1


def measure_here(threads: int, dtype: str) -> Measure:
    """A function that times operators on this machine.

    Operators take turns, those of about the same part of their full widths together, as many as
    have the weights of a network of such widths. So each finds its own as far away as within the
    network, while its input was written just before. What it costs to call any operator at all is
    taken off, as measured in the same turns: in a network LiteRT goes on to the next by itself.

    Args:
        threads: How many threads compute.
        dtype: `"float32"` or `"int8"`.

    Returns:
        A function from operators to milliseconds: the median of 15 calls each.
    """

    def measure(operators: Sequence[Sized]) -> list[float]:
        times = dict.fromkeys(operators, 0.0)
        for together in _portions(list(times)):
            *alone, empty = _alone([*together, _EMPTY], threads, dtype)
            times |= {
                sized: max(time - empty, _LEAST * time)
                for sized, time in zip(together, alone, strict=True)
            }
        return [times[sized] for sized in operators]

    return measure


def _portions(operators: Sequence[Sized]) -> list[list[Sized]]:
    """Operators that take turns: those of one slim network, with as many weights as it has.

    A network of half the width has a quarter of the weights. Where these fit into a cache that the
    dense network's do not, its operators are faster than they would be between dense ones.
    """
    largest: dict[Operator, int] = {}
    for operator, *widths in operators:
        largest[operator] = max(largest.get(operator, 0), _size(operator, *widths))
    dense = _REPEATS * sum(operator.weights(1, 1) and size for operator, size in largest.items())

    def part(sized: Sized) -> float:
        return _size(*sized) / largest[sized[0]]

    # Neighbours should not be of one operator, as they would be in the order of the grids.
    mixed = [operators[i] for i in np.random.default_rng(0).permutation(len(operators))]
    portions: list[list[Sized]] = [[]]
    held = 0
    for sized in sorted(mixed, key=part):
        portions[-1].append(sized)
        held += sized[0].weights(*sized[1:])
        if len(portions[-1]) >= _TOGETHER and held >= part(sized) * dense:
            portions.append([])
            held = 0
    # The widest are left over, and would be too few by themselves.
    last = portions.pop()
    return [*portions[:-1], [*portions[-1], *last]] if portions else [last]


def _size(operator: Operator, inputs: int, outputs: int) -> int:
    """What grows as the weights do; of operators without weights too."""
    return operator.weights(inputs, outputs) or inputs * outputs


def _alone(operators: Sequence[Sized], threads: int, dtype: str) -> list[float]:
    """Median times of operators that take turns, in milliseconds."""
    opened = [open_interpreter(single_operator(*sized, dtype), threads) for sized in operators]
    for interpreter in opened:
        interpreter.allocate_tensors()
    found = interleaved(
        [interpreter.invoke for interpreter in opened],
        _ROUNDS,
        _ROUNDS,
        before=[feeder(interpreter) for interpreter in opened],
    )
    return [median_alone(turns, threads) for turns in found]


def step_of(widths: Sequence[int], milliseconds: Sequence[float]) -> int:
    """The step in which the time of an operator grows with its channels.

    Processors work on many channels at once: a kernel for 32 channels takes as long for 5. The
    step is the multiple to which widths have to be rounded up for time to be a straight line.

    Args:
        widths: Numbers of channels.
        milliseconds: Time for each.

    Returns:
        1, 2, 4, 8, 16, 32 or 64: what leaves the least residual; the smallest of those about as
        good.
    """
    x, y = np.asarray(widths, float), np.asarray(milliseconds, float)
    residuals = {}
    for step in (1, 2, 4, 8, 16, 32, 64):
        rounded = np.ceil(x / step) * step
        if len(np.unique(rounded)) < 3:
            break
        design = np.stack([np.ones_like(x), rounded], axis=1)
        solution, *_ = np.linalg.lstsq(design, y, rcond=None)
        # Absolute residuals: a single disturbed measurement should not decide.
        residuals[step] = float(np.mean(np.abs(design @ solution - y)))
    least = min(residuals.values())
    return next(step for step, value in residuals.items() if value <= 1.1 * least)
