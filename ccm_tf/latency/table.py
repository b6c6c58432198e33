"""A latency table: how long single operators take on one device."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from ccm_tf.files import PathLike, write_json
from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.flow import Kept
from ccm_tf.latency.grid import Grid, largest
from ccm_tf.latency.measure import Measure, Sized, step_of
from ccm_tf.latency.operators import MIXING, Operator, Pair
from ccm_tf.latency.reader import Work
from ccm_tf.latency.reading import read_table
from ccm_tf.latency.single import DTYPES
from ccm_tf.latency.work import model_work

# Operators by whose times the steps are found: kind to operator and the width that stays.
_PROBES = {
    "conv": (Operator("conv", 16, 16, (3, 3)), 64),
    "depthwise": (Operator("depthwise", 32, 32, (3, 3)), 0),
}
_PROBE_WIDTHS = tuple(range(8, 264, 8))


@dataclasses.dataclass
class LatencyTable:
    """Times of LiteRT operators on one device, and what they say of a model.

    Times are measured once for each operator, at a few widths; between these is interpolated. So
    the latency of any plan for a model is a sum over its operators with channels counted by
    their labels, without building or running a model.

    Args:
        device: Whose times these are, in your own words.
        threads: How many threads computed.
        dtype: `"float32"` or `"int8"`.

    Attributes:
        steps: Kind of operator to the multiples to which the device rounds channels up, of those
            that are read and of those that are made; found by measurement.
        grids: Operator to its times.

    Example:

    ```python
    table = ccm_tf.latency_table()  # of this machine
    plan = ccm_tf.plan(model, "pca", images, latency=0.5, latency_table=table)
    print(table.predict(slim))
    ```
    """

    device: str
    threads: int = 1
    dtype: str = "float32"
    steps: dict[str, Pair] = dataclasses.field(default_factory=dict)
    grids: dict[Operator, Grid] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise ValueError(f"`dtype` must be one of {DTYPES}. Received: {self.dtype!r}.")
        if self.threads < 1:
            raise ValueError(f"Expected at least one thread. Received: threads={self.threads}.")

    def predict(self, model: keras.Model | ChannelGraph) -> float:
        """Latency of a model for one sample in milliseconds.

        Args:
            model: A functional or sequential model, or its channel graph.

        Raises:
            ValueError: If the table lacks an operator; measure it with `measure`, or on its
                device with `ccm_tf.latency.phone`.
        """
        graph = model if isinstance(model, ChannelGraph) else ChannelGraph(model)
        return self.total(model_work(graph).works)

    def total(self, works: Iterable[Work], kept: Kept | None = None) -> float:
        """Milliseconds of some operators if only some channels stay."""
        return sum(self.milliseconds(work.operator, work.widths(kept)) for work in works)

    def milliseconds(self, operator: Operator, widths: Pair) -> float:
        """Time of one operator; interpolated.

        Args:
            operator: The operator.
            widths: How many channels it reads and makes.

        Raises:
            ValueError: If the table lacks it.
        """
        grid = self.grids.get(operator)
        if grid is None or not grid.covers(widths):
            raise ValueError(
                f"The latency table of '{self.device}' lacks the operator {operator.name} with "
                f"{widths[0]} -> {widths[1]} channels. A table serves the models that it was "
                "measured for, and narrower ones: measure it for this model too."
            )
        return grid.at(widths, self.steps_of(operator.kind))

    def missing(self, works: Iterable[Work]) -> list[Sized]:
        """What has to be measured before these operators can be predicted.

        Args:
            works: Operators of a model at their full widths.

        Returns:
            Operators with numbers of channels; those that tell the steps first.
        """
        wanted = [] if self.steps else _probes()
        for operator, most in self._uncovered(works).items():
            inputs, outputs = Grid.points(operator, most, self.steps_of(operator.kind))
            wanted += [(operator, i, o or i) for i in inputs for o in outputs]
        return wanted

    def add(self, works: Iterable[Work], times: Mapping[Sized, float]) -> None:
        """Takes up measured times.

        Args:
            works: The operators that `missing` was asked about.
            times: A time in milliseconds for each entry of `missing`.
        """
        points = {
            operator: Grid.points(operator, most, self.steps_of(operator.kind))
            for operator, most in self._uncovered(works).items()
        }
        if not self.steps:
            self.steps = _steps(times)
        for operator, (inputs, outputs) in points.items():
            found = [times[operator, i, o or i] for i in inputs for o in outputs]
            self.grids[operator] = Grid.of(inputs, outputs, found)

    def measure(self, model: keras.Model | ChannelGraph, measure: Measure) -> bool:
        """Measures what is missing for a model, and for all narrower ones.

        Args:
            model: A functional or sequential model, or its channel graph.
            measure: Function from operators to milliseconds, such as
                `ccm_tf.latency.measure.measure_here(threads, dtype)`.

        Returns:
            Whether anything was missing.
        """
        graph = model if isinstance(model, ChannelGraph) else ChannelGraph(model)
        works = model_work(graph).works
        if not self.steps:
            # First, since the steps say where else to measure.
            probes = _probes()
            self.steps = _steps(dict(zip(probes, measure(probes), strict=True)))
        wanted = self.missing(works)
        if wanted:
            self.add(works, dict(zip(wanted, measure(wanted), strict=True)))
        return bool(wanted)

    def steps_of(self, kind: str) -> Pair:
        """The multiples to which channels are rounded up by operators of a kind."""
        return self.steps.get(kind, (1, 1))

    def candidates(self) -> list[int]:
        """Widths that kept channels could be multiples of: 1, and the steps that were found."""
        return sorted({1, *(made for _, made in self.steps.values())})

    def as_dict(self) -> dict[str, Any]:
        """The table as plain values, for JSON."""
        entries = [
            {"operator": dataclasses.asdict(operator), **dataclasses.asdict(grid)}
            for operator, grid in self.grids.items()
        ]
        head = {"format": "ccm_tf.LatencyTable/1", "device": self.device}
        rest = {"threads": self.threads, "dtype": self.dtype, "steps": self.steps}
        return {**head, **rest, "operators": entries}

    def save(self, path: PathLike) -> None:
        """Writes the table as JSON, whole or not at all."""
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: PathLike) -> "LatencyTable":
        """Reads a table that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not a latency table.
        """
        return cls(**read_table(path))

    def _uncovered(self, works: Iterable[Work]) -> dict[Operator, Pair]:
        """Operators to measure, with their largest widths, earlier ones included."""
        widths: dict[Operator, list[Pair]] = {}
        for work in works:
            widths.setdefault(work.operator, []).append(work.widths())
        found = {}
        for operator, pairs in widths.items():
            most, grid = largest(pairs), self.grids.get(operator)
            if grid is None or not grid.covers(most):
                known = [(grid.inputs[-1], grid.outputs[-1])] if grid else []
                found[operator] = largest([most, *known])
        return found


def _probes() -> list[Sized]:
    """What tells the steps: widths up and down with everything else the same."""
    found: list[Sized] = []
    for kind, (operator, fixed) in _PROBES.items():
        for width in _PROBE_WIDTHS:
            if kind in MIXING:
                found += [(operator, fixed, width), (operator, width, fixed)]
            else:
                found.append((operator, width, width))
    return found


def _steps(times: Mapping[Sized, float]) -> dict[str, Pair]:
    steps = {}
    for kind, (operator, fixed) in _PROBES.items():
        pairs = []
        for reads in (True, False):
            sizes = [
                (operator, *((width, fixed or width) if reads else (fixed or width, width)))
                for width in _PROBE_WIDTHS
            ]
            pairs.append(step_of(_PROBE_WIDTHS, [times[sized] for sized in sizes]))
        steps[kind] = (pairs[0], pairs[1])
    return steps
