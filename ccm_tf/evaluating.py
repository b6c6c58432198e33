"""Whether a model is being evaluated, for what is reported in training only."""

import contextlib
from collections.abc import Iterator


class Evaluating:
    """Remembers whether `evaluate` runs.

    Attributes:
        evaluating: `True` within `evaluation`: metrics of training are then neither reset nor
            reported.
    """

    evaluating = False

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """A context in which the model is evaluated; contexts may lie within each other."""
        before, self.evaluating = self.evaluating, True
        try:
            yield
        finally:
            self.evaluating = before
