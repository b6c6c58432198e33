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
# Interpreters that are open at the same time: as many as a large network has operators, so that
# none finds its weights in the processor's nearest cache.
_TOGETHER = 64
# An operator that computes next to nothing; and the part of a time that is left in any case.
_EMPTY: Sized = (Operator("clamp"), 1, 1)
_LEAST = 0.1


def measure_here(threads: int, dtype: str) -> Measure:
    """A function that times operators on this machine.

    Operators take turns, so that each finds its weights as far away as within a network, while
    its input was written just before. What it costs to call any operator at all is taken off: in a
    network LiteRT goes on to the next by itself.

    Args:
        threads: How many threads compute.
        dtype: `"float32"` or `"int8"`.

    Returns:
        A function from operators to milliseconds: the median of 15 calls each.
    """

    def measure(operators: Sequence[Sized]) -> list[float]:
        times: list[float] = []
        (empty,) = _alone([_EMPTY], threads, dtype)
        for start in range(0, len(operators), _TOGETHER):
            alone = _alone(operators[start:][:_TOGETHER], threads, dtype)
            times += [max(time - empty, _LEAST * time) for time in alone]
        return times

    return measure


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
