"""The plan: which channels of which layer stay."""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from ccm_tf.base_plan import BasePlan
from ccm_tf.criteria import Ranking
from ccm_tf.files import PathLike, write_json
from ccm_tf.fold import FOLDS, check_fold
from ccm_tf.graph import ChannelGraph
from ccm_tf.replicas import scope_of
from ccm_tf.slim import SlimCopy

_FORMAT = "ccm_tf.PruningPlan/1"


class PruningPlan(BasePlan):
    """The channels that stay, layer by layer.

    A plan is plain data: print it, save it as JSON, edit it, apply it with `ccm_tf.rewrite` or
    `ccm_tf.mask`. Layers whose channels are tied (residual streams) keep the same ones.

    Args:
        kept: Name of a layer to the sorted indices of its output channels that stay, for every
            layer that makes channels.
        fingerprint: `ChannelGraph.fingerprint` of the model that the plan is for.
        criterion: Name and settings of the criterion, if one chose.
        target: What was asked for, for example `{"macs": 0.5}`.
        counts: `{"dense": {...}, "kept": {...}}` with `channels`, `macs`, `params` and `bytes`.
        notes: What a reader should know, for example why a target was not met closely.
        exact: As in `ccm_tf.ChannelGraph`.

    Attributes:
        rankings: Name of a group to its `Ranking`; not saved.

    Example:

    ```python
    plan = ccm_tf.plan(model, "pca", images, macs=0.5)
    plan.summary()
    plan.save("plan.json")
    plan = ccm_tf.PruningPlan.load("plan.json")
    ```
    """

    def __init__(
        self,
        kept: Mapping[str, Iterable[int]],
        fingerprint: str,
        criterion: Mapping[str, Any] | None = None,
        target: Mapping[str, float | int] | None = None,
        counts: Mapping[str, Mapping[str, int]] | None = None,
        notes: Iterable[str] = (),
        exact: bool = True,
    ):
        self.kept: dict[str, list[int]] = {
            name: sorted(int(c) for c in channels) for name, channels in kept.items()
        }
        super().__init__(fingerprint, target, counts, notes)
        self.criterion = dict(criterion or {})
        self.exact = exact
        self.rankings: dict[str, Ranking] = {}

    @classmethod
    def from_kept(
        cls, model: keras.Model, kept: Mapping[str, Iterable[int]], exact: bool = True
    ) -> "PruningPlan":
        """A plan by hand: layers that are not named keep everything, tied layers follow.

        Args:
            model: The model to prune.
            kept: Name of a layer to the indices of the output channels that stay.
            exact: As in `ccm_tf.ChannelGraph`.

        Raises:
            ValueError: If a layer is unknown, a channel does not exist or must stay, tied layers
                contradict each other, or a layer would be left without channels.
        """
        graph = ChannelGraph(model, exact)
        named = {name: sorted({int(c) for c in channels}) for name, channels in kept.items()}
        producers = _producers(graph, named)
        mask = graph.all_kept()
        for name, channels in named.items():
            roots = producers[name].roots
            _check_channels(name, channels, len(roots))
            mask[np.delete(roots, channels)] = False
        plan = cls.from_mask(graph, mask)
        for name, channels in named.items():
            if plan.kept[name] != channels:
                lost = sorted(set(channels) - set(plan.kept[name]))
                raise ValueError(
                    f"Layer '{name}' is to keep channel {lost[0]}, but a layer tied to it drops "
                    "it. Tied layers must keep the same channels: name only one of them."
                )
        plan.root_mask(graph)
        return plan

    @classmethod
    def from_mask(cls, graph: ChannelGraph, mask: np.ndarray, **settings: Any) -> "PruningPlan":
        """A plan from a mask over root labels."""
        kept = {p.name: np.flatnonzero(mask[p.roots]).tolist() for p in graph.producers}
        counts = {"dense": _counts(graph, graph.all_kept()), "kept": _counts(graph, mask)}
        return cls(kept, graph.fingerprint, counts=counts, exact=graph.exact, **settings)

    def root_mask(self, graph: ChannelGraph) -> np.ndarray:
        """Mask over the root labels of a graph, checked.

        Raises:
            ValueError: If the plan is for another model, names unknown layers or channels, drops
                what must stay, leaves a layer empty, or ties are broken.
        """
        self.check_model(graph)
        producers = _producers(graph, self.kept)
        missing = [name for name in producers if name not in self.kept]
        if missing:
            raise ValueError(f"The plan says nothing about layer '{missing[0]}'.")
        mask = graph.all_kept()
        for name, channels in self.kept.items():
            _check_channels(name, channels, len(producers[name].roots))
            mask[np.delete(producers[name].roots, channels)] = False
        self._check_ties(graph, mask, producers)
        for roots in graph.widths:
            if not mask[roots].any():
                owner = next(p.name for p in graph.producers if np.isin(roots, p.roots).any())
                raise ValueError(
                    f"The plan leaves a tensor behind layer '{owner}' without channels. Keep at "
                    "least one."
                )
        return mask

    def _check_ties(self, graph: ChannelGraph, mask: np.ndarray, producers: dict) -> None:
        for name, channels in self.kept.items():
            roots = producers[name].roots
            lost = [c for c in channels if not mask[roots[c]]]
            if lost:
                other = next(
                    p.name
                    for p in graph.producers
                    if p.name != name and roots[lost[0]] in np.delete(p.roots, self.kept[p.name])
                )
                raise ValueError(
                    f"Channel {lost[0]} of layer '{name}' is kept, but its twin in layer "
                    f"'{other}' is dropped. Tied layers must keep the same channels."
                )
            dropped = np.delete(roots, channels)
            stuck = dropped[graph.is_frozen(dropped)]
            if len(stuck):
                why = "; ".join(graph.reasons_for(stuck)) or "no layer makes it"
                raise ValueError(
                    f"The plan drops channels of layer '{name}' that must stay: {why}."
                )

    def build(
        self,
        model: keras.Model,
        *,
        fold: str | None = None,
        data: Any = None,
        verbose: int = 0,
        trainable_rotations: bool = True,
    ) -> keras.Model:
        """The model with the channels that stay; see `ccm_tf.rewrite`. It has no rotations."""
        check_fold(fold, data)
        graph = ChannelGraph(model, self.exact)
        kept = graph.kept(self.root_mask(graph))
        with scope_of(model):
            copy = SlimCopy(graph, kept)
        if fold is not None:
            FOLDS[fold](copy, data, verbose)
        return copy.model

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON."""
        names = ("fingerprint", "criterion", "target", "counts", "notes", "exact", "kept")
        return {"format": _FORMAT, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "PruningPlan":
        """The plan that `as_dict` described."""
        names = ("fingerprint", "criterion", "target", "counts", "notes", "exact")
        return cls(value["kept"], **{name: value[name] for name in names if name in value})

    def save(self, path: PathLike) -> None:
        """Writes the plan as JSON, whole or not at all."""
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: PathLike) -> "PruningPlan":
        """Reads a plan that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not a plan, or what was edited in it is no longer one.
        """
        try:
            value = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"'{path}' is not a pruning plan: {error}.") from error
        if not isinstance(value, dict) or value.get("format") != _FORMAT:
            raise ValueError(f"'{path}' is not a pruning plan of the format '{_FORMAT}'.")
        _check_written(path, value)
        return cls.from_dict(value)

    def head(self) -> str:
        """See `BasePlan.head`."""
        return f"Pruning plan ({self.criterion.get('name', 'by hand')}"

    def rows(self) -> Iterable[str]:
        """See `BasePlan.rows`."""
        width = max(map(len, self.kept), default=5)
        for layer, channels in self.kept.items():
            yield f"  {layer:<{width}}  {len(channels):>6} channels stay"


def _check_written(path: PathLike, value: Mapping[str, Any]) -> None:
    """What a hand that edits the file may get wrong, before it means something else."""
    kept, fingerprint = value.get("kept"), value.get("fingerprint")
    if not isinstance(kept, dict) or not isinstance(fingerprint, str):
        raise ValueError(
            f"'{path}' is no whole pruning plan: it needs a 'fingerprint' and, under 'kept', the "
            "channels that stay of every layer."
        )
    for name, channels in kept.items():
        whole = isinstance(channels, list) and all(type(c) is int for c in channels)
        if not whole or len(set(channels)) < len(channels):
            raise ValueError(
                f"'{path}' must list the channels of layer '{name}' that stay, each once, as "
                f"[0, 2, 5]. Received: {channels!r}."
            )


def _producers(graph: ChannelGraph, kept: Mapping[str, Any]) -> dict:
    producers = {p.name: p for p in graph.producers}
    for name in kept:
        if name not in producers:
            raise ValueError(
                f"The plan names layer '{name}', which makes no channels in '{graph.trace.name}'. "
                f"Layers that do: {', '.join(producers)}."
            )
    return producers


def _check_channels(name: str, channels: list[int], width: int) -> None:
    if not channels:
        raise ValueError(f"The plan leaves layer '{name}' without channels. Keep at least one.")
    if channels[0] < 0 or channels[-1] >= width:
        raise ValueError(
            f"Layer '{name}' has the channels 0 to {width - 1}. Received: {channels[0]} to "
            f"{channels[-1]}."
        )


def _counts(graph: ChannelGraph, mask: np.ndarray) -> dict[str, int]:
    channels = int(sum(np.count_nonzero(mask[p.roots]) for p in graph.producers))
    return {
        "channels": channels,
        "macs": graph.macs(mask),
        "params": graph.params(mask),
        "bytes": graph.bytes(mask),
    }
