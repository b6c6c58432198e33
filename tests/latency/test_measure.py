import numpy as np
import pytest

from ccm_tf.latency.measure import measure_here, step_of
from ccm_tf.latency.operators import Operator

WIDTHS = tuple(range(8, 264, 8))


@pytest.mark.parametrize("step", [16, 32, 64])
def test_steps_are_found_through_noise(step):
    generator = np.random.default_rng(step)
    clean = [1 + 0.02 * (-(-width // step) * step) for width in WIDTHS]
    noisy = clean * generator.uniform(0.99, 1.02, len(WIDTHS))
    noisy[5] *= 2  # the machine was busy
    assert step_of(WIDTHS, noisy) == step


def test_without_steps_the_smallest_is_taken():
    assert step_of(WIDTHS, [1 + 0.5 * width for width in WIDTHS]) == 1


def test_operators_are_timed():
    pytest.importorskip("ai_edge_litert")
    sized = [(Operator("conv", 4, 4, (3, 3)), 3, 5), (Operator("dense"), 7, 2)]
    times = measure_here(1, "float32")(sized)
    assert len(times) == 2 and min(times) > 0
