"""Times that follow a formula, so that tables can be tested without measuring."""

import math


def formula(sized, step=16):
    """Milliseconds: a start-up time, and products of channels rounded up to a step."""
    operator, inputs, outputs = sized
    made = math.ceil(outputs / step) * step
    area = operator.height * operator.width * math.prod(operator.kernel)
    if operator.kind in ("conv", "dense"):
        return 0.01 + 1e-6 * area * inputs * made
    return 0.01 + 1e-6 * area * made


def measure(sized):
    """Stands for measuring on a device."""
    return [formula(one) for one in sized]
