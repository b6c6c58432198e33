import numpy as np

from ccm_tf.kfe.cp import composed
from ccm_tf.kfe.separable import separated


def test_shapes_and_an_exact_core():
    rng = np.random.default_rng(0)
    taps, inputs, outputs = (rng.normal(size=(n, 3)) for n in (9, 4, 3))
    core = composed(taps, inputs, outputs)
    mix_in, depth, mix_out = separated(core, (np.ones(4), np.ones(3)), "frobenius")
    assert mix_in.shape == (4, 3) and depth.shape == (9, 3) and mix_out.shape == (3, 3)
    found = composed(depth, mix_in, mix_out)
    np.testing.assert_allclose(found, core, atol=1e-3 * np.abs(core).max())


def test_each_fit_is_best_at_its_own_error():
    rng = np.random.default_rng(1)
    core = rng.normal(size=(9, 5, 4))
    values = np.logspace(-3, 1, 5), np.logspace(-2, 1, 4)
    weight = np.outer(*values)
    errors = {}
    for fit in ("frobenius", "fisher"):
        mix_in, depth, mix_out = separated(core, values, fit)
        change = (composed(depth, mix_in, mix_out) - core) ** 2
        errors[fit] = change.sum(), (change * weight).sum()
    assert errors["frobenius"][0] < errors["fisher"][0]
    assert errors["fisher"][1] < errors["frobenius"][1]
