from benchmarks.accuracy import finetuning, gradual, rounds, steps
from benchmarks.accuracy.kinds import STEPS


def test_every_module_of_steps_is_registered():
    modules = {step.__module__ for step in STEPS.values()}
    assert modules == {module.__name__ for module in (finetuning, gradual, rounds, steps)}
