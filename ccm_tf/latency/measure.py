"""Times of single operators on this machine."""

from collections.abc import Callable, Iterator, Sequence

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
_TOGETHER = 32
_REPEATS = 2
# An operator that computes next to nothing; and the part of a time that is left in any case.
_EMPTY: Sized = (Operator("clamp"), 1, 1)
_LEAST = 0.1


def measure_here(threads: int, dtype: str) -> Measure:
    """A function that times operators on this machine.

    Operators take turns, as many at a time as have the weights of a network of them, so that each
    finds its own as far away as within the network, while its input was written just before. What
    it costs to call any operator at all is taken off: in a network LiteRT goes on to the next by
    itself.

    Args:
        threads: How many threads compute.
        dtype: `"float32"` or `"int8"`.

    Returns:
        A function from operators to milliseconds: the median of 15 calls each.
    """

    def measure(operators: Sequence[Sized]) -> list[float]:
        (empty,) = _alone([_EMPTY], threads, dtype)
        times = dict.fromkeys(operators, 0.0)
        for together in _portions(list(times)):
            alone = _alone(together, threads, dtype)
            times |= {
                sized: max(time - empty, _LEAST * time)
                for sized, time in zip(together, alone, strict=True)
            }
        return [times[sized] for sized in operators]

    return measure


def _portions(operators: Sequence[Sized]) -> Iterator[list[Sized]]:
    """Operators that take turns: of all sizes, and together with a network's weights."""
    largest: dict[Operator, int] = {}
    for operator, *widths in operators:
        largest[operator] = max(largest.get(operator, 0), operator.weights(*widths))
    # One size would find the caches fuller than the others do.
    mixed = np.random.default_rng(0).permutation(len(operators))
    portion: list[Sized] = []
    held = 0
    for index in mixed:
        operator, *widths = operators[index]
        portion.append(operators[index])
        held += operator.weights(*widths)
        if len(portion) >= _TOGETHER and held >= _REPEATS * sum(largest.values()):
            yield portion
            portion, held = [], 0
    if portion:
        yield portion


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
