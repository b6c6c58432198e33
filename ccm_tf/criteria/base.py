"""What a criterion is: something that ranks the channels of every group."""

import abc
import inspect
from collections.abc import Iterable
from typing import Any

from ccm_tf.criteria.ranking import Ranking


class Criterion(abc.ABC):
    """Ranks the channels of every group of a channel graph.

    A criterion is added by one file with one class under `@register_criterion(name)` that
    implements `rank`, or, if it looks at feature maps, the three methods of `StreamingCriterion`.
    Constructor arguments are kept as attributes of the same name: `get_config` reads them there.

    Attributes:
        name: Name in the registry.
        needs_data: Whether `rank` needs data.
        needs_labels: Whether the data needs labels: `(x, y)`.
        cost: What ranking takes, in a few words, for the documentation.
        scope: How groups are compared unless `ccm_tf.plan` is told: `"global"`, by the scores as
            they are, or `"relative"`, in units of their group's mean.
    """

    name: str = ""
    needs_data: bool = False
    needs_labels: bool = False
    cost: str = ""
    scope: str = "global"

    @abc.abstractmethod
    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """Ranks the channels of every group that has free ones.

        Args:
            graph: A `ChannelGraph`.
            data: Images for criteria that look at feature maps; see
                `ccm_tf.statistics.batches.batches`. Defaults to `None`.
            verbose: 1 shows a progress bar. Defaults to 0.

        Returns:
            Index of the group to its `Ranking`.
        """

    def images_needed(self, graph: Any) -> int:
        """Fewest samples with which `rank` can work.

        Args:
            graph: A `ChannelGraph`.
        """
        return 1

    def check_samples(self, graph: Any, samples: int) -> None:  # noqa: B027
        """Raises a `ValueError` if so many samples are too few to rank the channels of a model.

        Args:
            graph: A `ChannelGraph`.
            samples: How many samples `rank` will see.
        """

    def check_labels(self, graph: Any, labels: Iterable[Any]) -> None:  # noqa: B027
        """Looks at the labels before work starts; a criterion that needs labels overrides it.

        Args:
            graph: A `ChannelGraph`.
            labels: The labels of the data, batch by batch.

        Raises:
            ValueError: If they do not fit the model.
        """

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, flat and JSON-able."""
        parameters = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in parameters}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Criterion":
        """A criterion from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def check_data(self, data: Any) -> None:
        """Raises a `ValueError` if data is needed and there is none."""
        if self.needs_data and data is None:
            raise ValueError(
                f"The criterion '{self.name}' looks at feature maps, so it needs data: "
                "`plan(model, criterion, data=images)`. A few hundred training images do. "
                "Received: data=None. ('magnitude' and 'random' need none.)"
            )
