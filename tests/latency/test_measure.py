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


def test_operators_of_one_slim_network_take_turns():
    operators = [Operator("conv", size, size, (3, 3)) for size in (4, 8, 16)]
    operators += [Operator("binary", 4, 4)]
    sized = [(op, i, o) for op in operators for i in range(8, 72, 8) for o in range(8, 72, 8)]
    portions = _portions(sized)
    assert sorted(map(repr, sum(portions, []))) == sorted(map(repr, sized))
    dense = 2 * 3 * 9 * 64 * 64
    ends = []
    for portion in portions:
        parts = [i * o / 64**2 for _, i, o in portion]
        ends += [min(parts), max(parts)]
        held = sum(op.weights(i, o) for op, i, o in portion)
        assert len(portion) >= 16 and max(parts) * dense <= held < 4 * max(parts) * dense
        assert {op for op, _, _ in portion} >= set(operators[:3])
    # From slim to dense; few operators are one portion.
    assert ends == sorted(ends) and ends[0] == 1 / 64 and ends[-1] == 1
    assert _portions(sized[:5]) == [sorted(sized[:5], key=lambda one: one[2])]


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
