"""Criteria by name."""

from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.criteria.base import Criterion

_CRITERIA: dict[str, type[Criterion]] = {}


def register_criterion(name: str) -> Callable[[type[Criterion]], type[Criterion]]:
    """Makes a criterion available under a name, and serialisable.

    Args:
        name: What users write in `ccm_tf.plan(model, name, ...)`; lower case.

    Returns:
        A class decorator.

    Raises:
        ValueError: If the name belongs to another criterion.
        TypeError: If the class is not a `Criterion`.

    Example:

    ```python
    @register_criterion("first")
    class First(Criterion):
        def rank(self, graph, data=None, verbose=0):
            return {
                g.index: Ranking(g.roots, np.ones(len(g.roots))) for g in graph.groups
            }
    ```
    """

    def decorator(cls: type[Criterion]) -> type[Criterion]:
        if not (isinstance(cls, type) and issubclass(cls, Criterion)):
            raise TypeError(f"A criterion is a subclass of `Criterion`. Received: {cls!r}")
        known = _CRITERIA.get(name)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(
                f"The name {name!r} belongs to the criterion {known.__name__}. Choose another."
            )
        cls.name = name
        _CRITERIA[name] = keras.saving.register_keras_serializable(package="ccm_tf")(cls)
        return cls

    return decorator


def get_criterion(identifier: Any) -> Criterion:
    """A criterion from its name, its config or itself.

    Args:
        identifier: A name such as `"pca"`, an instance, or what
            `keras.saving.serialize_keras_object` made of one.

    Raises:
        ValueError: If there is no criterion of that name; the message lists all of them.

    Example:

    ```python
    get_criterion("pca")
    get_criterion(PCA(matrix="covariance"))
    ```
    """
    if isinstance(identifier, Criterion):
        return identifier
    if isinstance(identifier, str) and identifier in _CRITERIA:
        return _CRITERIA[identifier]()
    reason = None
    if isinstance(identifier, dict):
        try:
            made = keras.saving.deserialize_keras_object(identifier)
        except (TypeError, ValueError) as error:
            made, reason = None, error
        if isinstance(made, Criterion):
            return made
    names = ", ".join(repr(name) for name in criteria())
    raise ValueError(
        f"Unknown criterion. Expected one of {names}, or an instance such as `PCA()`. "
        f"Received: {identifier!r}"
    ) from reason


def criteria() -> dict[str, type[Criterion]]:
    """All criteria by name, sorted."""
    return dict(sorted(_CRITERIA.items()))
