import numpy as np
import pytest

from ccm_tf.latency import measure
from ccm_tf.latency.measure import _portions, measure_here, step_of
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


def test_all_sizes_take_turns_with_the_weights_of_a_network():
    operators = [Operator("conv", size, size, (3, 3)) for size in (4, 8, 16)]
    sized = [(op, i, o) for op in operators for i in range(8, 72, 8) for o in range(8, 72, 8)]
    portions = list(_portions(sized))
    assert sorted(map(repr, sum(portions, []))) == sorted(map(repr, sized))
    network = 2 * 3 * 9 * 64 * 64
    for portion in portions[:-1]:
        assert len(portion) >= 32
        assert network <= sum(op.weights(i, o) for op, i, o in portion) < 4 * network
        assert {op for op, _, _ in portion} == set(operators)


def test_equal_operators_are_timed_once_and_told_in_order(monkeypatch):
    calls = []

    def alone(operators, threads, dtype):
        calls.append(list(operators))
        return [float(outputs) for _, _, outputs in operators]

    monkeypatch.setattr(measure, "_alone", alone)
    conv = Operator("conv", 4, 4)
    found = measure_here(1, "float32")([(conv, 3, 50), (conv, 3, 20), (conv, 3, 50)])
    # One millisecond is that of the empty operator.
    assert found == [49.0, 19.0, 49.0]
