"""S of every watched layer in a training run's logs."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops


class CCMScores(keras.metrics.Metric):
    """Mean over steps of S, for several layers at once: one update however many there are.

    Args:
        layers: The watched layers' names.
        name: Name of the result, which is the mean over the layers. Defaults to `"ccm"`.
    """

    def __init__(self, layers: Iterable[str], name: str = "ccm"):
        super().__init__(name=name)
        self.keys = _unique([f"{name}/{layer}" for layer in layers])
        self.total = self.add_variable((len(self.keys),), initializer="zeros", name="total")
        self.steps = self.add_variable((), initializer="zeros", name="steps")

    def update_state(self, scores: Any) -> None:
        """Adds one step's S, a tensor of shape `(layers,)`."""
        self.total.assign_add(ops.stop_gradient(scores))
        self.steps.assign_add(1.0)

    def result(self) -> Any:
        return ops.mean(self._per_layer())

    def per_layer(self) -> dict[str, float]:
        """Mean S so far, by layer."""
        values = ops.convert_to_numpy(self._per_layer())
        return {key: float(value) for key, value in zip(self.keys, values, strict=True)}

    def _per_layer(self):
        return self.total / ops.maximum(self.steps, 1.0)


class CCMHistory(keras.callbacks.Callback):
    """Adds S of every watched layer to the epoch's logs, before other callbacks read them."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs.update(self.model.ccm_scores())


class CCMProgress(keras.callbacks.ProgbarLogger):
    """The usual progress bar with the mean S only: dozens of layers would bury the rest."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        hidden = self.model.ccm_scores()
        shown = {key: value for key, value in (logs or {}).items() if key not in hidden}
        super().on_epoch_end(epoch, shown)


def with_ccm_callbacks(callbacks: Any, verbose: Any) -> Any:
    """The callbacks of `fit` and those that show S.

    Args:
        callbacks: As `fit` takes them. A ready-made `CallbackList` stays as it is.
        verbose: As `fit` takes it.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = [CCMHistory(), *(keras.tree.flatten(callbacks) if callbacks else [])]
    has_progress = any(isinstance(c, keras.callbacks.ProgbarLogger) for c in callbacks)
    if verbose != 0 and not has_progress:
        callbacks.append(CCMProgress())
    return callbacks


def _unique(names):
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name] - 1}")
    return result
