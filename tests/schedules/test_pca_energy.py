import pytest

from ccm_tf.schedules import PCAEnergy


def test_the_energy_falls_as_the_polynomial_says():
    schedule = PCAEnergy(1.0, 0.8, 10, 20, power=2, frequency=5)
    assert [schedule.energy(step) for step in (0, 10, 15, 20, 99)] == pytest.approx(
        [1.0, 1.0, 0.85, 0.8, 0.8]
    )
    assert schedule(15) == (True, pytest.approx(0.15))
    assert schedule.quantity == "energy"


def test_energies_are_checked():
    with pytest.raises(ValueError, match="must fall"):
        PCAEnergy(0.8, 0.9, 0, 1)
    with pytest.raises(ValueError, match=r"`final_energy` must be in \(0, 1\]"):
        PCAEnergy(0.8, 0.0, 0, 1)
