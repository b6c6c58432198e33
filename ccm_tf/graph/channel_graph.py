"""Which channels of a model stand and fall together."""

import functools
import hashlib
import json
from collections.abc import Callable

from ccm_tf.graph.group import FeatureMap, Group
from ccm_tf.graph.grouping import feature_maps, groups_of
from ccm_tf.graph.labelled import LabelledModel


class ChannelGraph(LabelledModel):
    """The channels of a model, labelled.

    Every channel of every layer that makes channels gets a label. The labels flow through the
    model as the data does; where two channels are added, their labels become one. What ends up
    with the same label (its root) can only be removed together. Channels that must stay, because
    they leave the model or meet something that cannot be followed, are frozen, each with a reason
    that `summary` prints.

    Args:
        model: A built functional or sequential `keras.Model`. It is only read.
        exact: Keep channels over which a layer normalises or takes a softmax, since removing some
            changes what becomes of the others. `False` lets them go: the slim model then is an
            approximation that wants fine-tuning. Defaults to `True`.

    Attributes:
        groups: `Group`s of producers whose channels are tied to each other.
        feature_maps: Tensors in which channels can be observed, in order of execution.
        fingerprint: Hash of the architecture; plans carry it.

    Raises:
        ValueError: If the model is subclassed, not built, quantised or has LoRA enabled.

    Example:

    ```python
    graph = ccm_tf.ChannelGraph(model)
    graph.summary()
    for group in graph.groups:
        print(group)
    ```
    """

    @functools.cached_property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        return feature_maps(self)

    @functools.cached_property
    def groups(self) -> tuple[Group, ...]:
        return groups_of(self, self.feature_maps)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of names, kinds, connections and weight shapes."""
        rows = [
            [
                call.name,
                type(call.op).__name__,
                [[t.call, t.index, list(t.shape)] for t in call.inputs],
                [list(w.shape) for w in getattr(call.op, "weights", ())],
            ]
            for call in self.trace.calls
        ]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def check_free(self) -> None:
        """Raises a `ValueError` with the reasons if no channel of the model can be removed."""
        if any(len(group.roots) for group in self.groups):
            return
        reasons = "; ".join(dict.fromkeys(r for g in self.groups for r in g.reasons))
        raise ValueError(
            f"Model '{self.trace.name}' has no channel that could be removed: "
            f"{reasons or 'no layer makes channels that can be followed'}."
        )

    def summary(self, print_fn: Callable[[str], None] = print) -> None:
        """Prints every group: who makes its channels, who reads them, what is kept and why."""
        free = sum(len(group.roots) for group in self.groups)
        total = free + sum(len(group.frozen) for group in self.groups)
        print_fn(
            f"Channel graph of '{self.trace.name}': {len(self.groups)} groups, {free} of {total} "
            "channels are free"
        )
        for group in self.groups:
            print_fn(str(group))
