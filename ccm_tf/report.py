"""A report of what pruning did to a model."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import keras

from ccm_tf.base_plan import BasePlan
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe import EigenPlan
from ccm_tf.profile import profile
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.reporting.content import FORMAT, with_stages
from ccm_tf.reporting.correlations import Pair, as_values, correlation_pairs
from ccm_tf.reporting.document import Report
from ccm_tf.reporting.network import kept_widths, network_of
from ccm_tf.reporting.spectra import eigen_rows
from ccm_tf.reporting.stages import given_figures, stages_of
from ccm_tf.reporting.widths import group_rows, layer_rows
from ccm_tf.rewrite import rewrite
from ccm_tf.statistics.batches import batches

# Samples that correlations are taken over: matrices change little with more.
_BATCH, _BATCHES = 128, 5


def report(
    before: keras.Model,
    plan: BasePlan | None = None,
    after: keras.Model | None = None,
    *,
    data: Any = None,
    evaluations: Mapping[str, float | Mapping[str, float]] | None = None,
    title: str | None = None,
) -> Report:
    """Says what pruning did to a model: a table to print, a page to look at, JSON to keep.

    The page shows every stage from the dense model to the file that ships with its accuracy, size,
    multiply-accumulates and latency; the network with the widths that were and are; what had to
    stay and why; how the scores of the channels fall; and, given data, how channels correlate
    before and after. It is one file, needs no network, and is made for phones too.

    Args:
        before: The model before pruning, functional or sequential.
        plan: The plan that `before` was pruned by. Defaults to `None`: the widths of `after` say
            what happened.
        after: The model after pruning, recovered or not. Defaults to `None`: the plan is carried
            out for the report.
        data: Inputs on which correlations are taken, as for `ccm_tf.plan`; the first 640 samples
            do. Defaults to `None`: no correlations.
        evaluations: What was measured: name of a stage to its accuracy from 0 to 1, or to a dict
            of `"accuracy"`, `"bytes"`, `"latency_ms"`, `"macs"`, `"params"` and further numbers
            for the JSON file. Stages stand in this order; `"dense"` is `before`, all others are
            `after`: `"pruned"`, `"finetuned"`, `"int8"`, or your own names. Defaults to `None`:
            dense and pruned, without accuracy.
        title: Heading of the page. Defaults to the name of the model.

    Returns:
        A `Report`, with `save("report.html")`, `html()` and the content of the JSON file as
        `values`.

    Raises:
        ValueError: If there is neither a plan nor a model after, they do not fit each other, or an
            evaluation is none.

    Example:

    ```python
    report = ccm_tf.report(
        model,
        plan,
        slim,
        data=images,
        evaluations={
            "dense": {"accuracy": 0.941, "latency_ms": 3.1},
            "finetuned": {"accuracy": 0.938, "latency_ms": 0.9},
            "int8": {"accuracy": 0.936, "latency_ms": 0.4, "bytes": 281_000},
        },
    )
    print(report)
    report.save("report.html")
    ```
    """
    if plan is None and after is None:
        raise ValueError(
            "A report compares two models: pass the plan that the model was pruned by, the model "
            "after pruning, or both. Received: plan=None, after=None."
        )
    figures = given_figures(evaluations or {})
    exact = plan.exact if isinstance(plan, PruningPlan) else True
    graph = ChannelGraph(before, exact)
    if plan is not None:
        plan.check_model(graph)
        after = rewrite(before, plan) if after is None else after
    widths = kept_widths(graph, after)
    if isinstance(plan, PruningPlan):
        _check_widths(plan, widths)
    pairs = _pairs(before, after, data)
    stages, how = stages_of(profile(before), profile(after), figures)
    values = {
        "format": FORMAT,
        "title": title or f"{before.name}, pruned",
        **with_stages(stages),
        "how": how,
        "network": network_of(graph, after),
        "layers": layer_rows(graph, widths),
        "correlations": as_values(pairs),
        **_planned(plan, graph, after),
    }
    return Report(values, pairs)


def _pairs(before: keras.Model, after: keras.Model, data: Any) -> Sequence[Pair]:
    if data is None:
        return ()
    # Kept, since both models look at them and an iterable may be read only once.
    images = list(islice(batches(data, _BATCH), _BATCHES))
    return correlation_pairs(before, after, [(batch,) for batch in images])


def _planned(plan: BasePlan | None, graph: ChannelGraph, after: keras.Model) -> dict[str, Any]:
    """What only a plan knows: by what channels were chosen, and their spectra."""
    if isinstance(plan, PruningPlan):
        scores = {name: ranking.scores.tolist() for name, ranking in plan.rankings.items()}
        return {
            "plan": {"criterion": plan.criterion, "target": plan.target, "notes": plan.notes},
            "groups": group_rows(plan, graph, scores),
        }
    if isinstance(plan, EigenPlan):
        layers = eigen_rows(plan, after)
        return {
            "plan": {
                "criterion": {"name": "eigendamage"},
                "target": plan.target,
                "notes": plan.notes,
            },
            "directions": [{"title": "directions that stay", "layers": layers}],
        }
    return {}


def _check_widths(plan: PruningPlan, widths: Mapping[str, int]) -> None:
    for name, channels in plan.kept.items():
        if widths.get(name, len(channels)) != len(channels):
            raise ValueError(
                f"The model after pruning has {widths[name]} channels in layer '{name}', but the "
                f"plan keeps {len(channels)}. Pass the plan that this model was made by, or none."
            )
