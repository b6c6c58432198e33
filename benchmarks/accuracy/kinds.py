"""All kinds of steps: the modules that register them, and the registry."""

from benchmarks.accuracy import finetuning, gradual, rounds
from benchmarks.accuracy.steps import STEPS

__all__ = ["STEPS", "finetuning", "gradual", "rounds"]
