"""From a model and its Kronecker factors to an eigen plan."""

import fnmatch
from collections.abc import Iterable
from typing import Any

import keras

from ccm_tf.budget import Budget
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.basis import Eigenbasis, eigenbasis
from ccm_tf.kfe.blocks import Block, find_blocks
from ccm_tf.kfe.candidates import Candidate
from ccm_tf.kfe.choice import Choice, choose_cost, choose_ratio
from ccm_tf.kfe.combined import combined
from ccm_tf.kfe.costs import ACCEPT, cost_now
from ccm_tf.kfe.eigen_plan import EigenPlan
from ccm_tf.kfe.factors import KroneckerFactors, factors_of
from ccm_tf.kfe.fisher import squared_gradients
from ccm_tf.kfe.passes import PassOptions
from ccm_tf.kfe.separable import FITS
from ccm_tf.kfe.writing import written
from ccm_tf.statistics.parallel import in_parallel

SCOPES = ("global", "relative")


def plan(
    model: keras.Model,
    factors_or_data: Any,
    *,
    ratio: float | None = None,
    macs: float | int | None = None,
    params: float | int | None = None,
    max_ratio: float = 0.95,
    rescale: bool = False,
    accept: str | None = None,
    keep: Iterable[str] = (),
    layers: Iterable[str] | None = None,
    separable: str | None = None,
    channels: Any = None,
    channel_share: float = 0.5,
    scope: str = "global",
    **statistics: Any,
) -> EigenPlan:
    r"""Chooses which directions of which layers stay, in the Kronecker-factored eigenbasis.

    EigenDamage (C. Wang, R. Grosse, S. Fidler and G. Zhang, 2019, arXiv 1905.05934): every
    convolution and dense layer is written in the eigenbasis of its two Kronecker factors, in which
    weights hardly interact. All input and output directions of all layers are ranked against each
    other by the sum of $W'^2 \lambda_A \lambda_S$ over their weights, twice what the loss would
    rise by without them. Layers whose widths outside do not change need no care for residual sums
    or normalisation. A layer is converted only if that pays; those that are not leave their share
    to the others. The model's classifier is left alone.

    Exactly one of `ratio`, `macs` and `params` says how far to go.

    Args:
        model: A built functional or sequential `keras.Model`. It may have bottlenecks from an
            earlier round: their cores are then taken to a new eigenbasis.
        factors_or_data: `KroneckerFactors` of the model, or data to gather them from, as for
            `ccm_tf.kronecker_factors`.
        ratio: Share of all directions to drop, in [0, 1): exactly floor(ratio x directions).
        macs: Multiply-accumulates to leave: a fraction in (0, 1] or an integer.
        params: Weights to leave, likewise.
        max_ratio: Largest share of its input, and of its output, directions that a layer may
            lose. At least one of each always stays. Defaults to 0.95.
        rescale: Replace the products of eigenvalues by the exact second moments of gradients
            along each pair of directions (EKFAC; T. George et al., 2018, arXiv 1806.03884), with
            a second pass over the data. Defaults to `False`.
        accept: What a bottleneck has to save to be built: `"params"`, `"macs"` or `"both"`.
            Defaults to `None`: `"both"` for a budget of `macs`, `"params"` otherwise.
        keep: Names or patterns of layers to leave alone.
        layers: Names or patterns of the only layers to convert, the classifier too if it is
            named. Defaults to `None`: all but the classifier.
        separable: `None`, or make the cores depthwise by a CP decomposition that fits the weights
            (`"frobenius"`) or the loss (`"fisher"`). An approximation that wants fine-tuning.
        channels: Prune whole channels first: a criterion as for `ccm_tf.plan`, or a `PruningPlan`.
            Defaults to `None`.
        channel_share: With a criterion in `channels`, how much of the way to the budget it goes,
            in (0, 1): it leaves budget**share of the dense model. Defaults to 0.5.
        scope: `"global"`, as published, ranks the directions of all layers by what the loss would
            rise by; `"relative"` by that divided by its mean over their side of the layer, which
            under a budget of `macs` or `params` keeps much more accuracy. Defaults to `"global"`.
        **statistics: `labels`, `loss`, `max_batches`, `batch_size`, `seed` and `verbose` for the
            passes over data; see `ccm_tf.kronecker_factors`.

    Returns:
        An `EigenPlan`, for `ccm_tf.rewrite`.

    Raises:
        ValueError: If an argument makes no sense, the factors belong to another model, or the
            budget cannot be met; the message names the least that can be reached.

    Example:

    ```python
    plan = ccm_tf.kfe.plan(model, images, ratio=0.6)
    slim = ccm_tf.rewrite(model, plan)
    ccm_tf.recalibrate(slim, images)
    ```
    """
    budget = _budget(ratio, macs, params)
    accept = accept or ("both" if budget.kind == "macs" else "params")
    _check("accept", accept, tuple(ACCEPT))
    _check("separable", separable, (None, *FITS))
    _check("scope", scope, SCOPES)
    if not 0 <= max_ratio <= 1:
        raise ValueError(f"Argument `max_ratio` must be in [0, 1]. Received: {max_ratio!r}.")
    options = PassOptions(**statistics)
    settings = {
        "max_ratio": max_ratio,
        "rescale": rescale,
        "accept": accept,
        "separable": separable,
        "scope": scope,
    }
    choices = {
        "accept": accept,
        "separable": separable is not None,
        "relative": scope == "relative",
    }
    if channels is not None:
        rest = {**settings, "keep": keep, "layers": layers, **statistics}
        return combined(plan, model, (factors_or_data, rest), budget, channels, channel_share)
    graph = ChannelGraph(model)
    blocks = _blocks(graph, keep, layers)
    bases = _bases(graph, blocks, factors_or_data, options, rescale)
    candidates = [
        Candidate.of(block, basis, max_ratio, **choices)
        for block, basis in zip(blocks, bases, strict=True)
    ]
    choice = _choose(graph, candidates, budget)
    return written(graph, candidates, choice, budget, settings)


def _budget(ratio: Any, macs: Any, params: Any) -> Budget:
    if ratio is None:
        given = {"macs": macs, "params": params}
        if all(value is None for value in given.values()):
            raise ValueError("Give exactly one of `ratio`, `macs`, `params`. Received none.")
        return Budget.of(**given)
    if macs is not None or params is not None:
        raise ValueError(
            "Give exactly one of `ratio`, `macs`, `params`. Received: "
            f"ratio={ratio!r}, macs={macs!r}, params={params!r}."
        )
    if isinstance(ratio, bool) or not 0 <= ratio < 1:
        raise ValueError(
            "Argument `ratio` must be in [0, 1): the share of directions to drop. "
            f"Received: ratio={ratio!r}."
        )
    return Budget("ratio", ratio)


def _check(name: str, value: Any, options: tuple) -> None:
    if value not in options:
        raise ValueError(f"Argument `{name}` must be one of {options}. Received: {value!r}.")


def _blocks(graph: ChannelGraph, keep: Iterable[str], layers: Iterable[str] | None) -> list[Block]:
    """The blocks that may be converted."""
    blocks, reasons = find_blocks(graph)

    def named(patterns: Any, argument: str) -> set[str]:
        found = set()
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            matches = fnmatch.filter(blocks, pattern)
            if not matches:
                why = reasons.get(pattern, f"layers that can be converted: {', '.join(blocks)}")
                raise ValueError(
                    f"`{argument}` names no layer that can be converted: {pattern!r} ({why})."
                )
            found |= set(matches)
        return found

    kept = named(keep, "keep")
    if layers is None:
        wanted = {name for name, block in blocks.items() if not block.is_output}
    else:
        wanted = named(layers, "layers")
    chosen = [block for block in blocks.values() if block.name in wanted - kept]
    if not chosen:
        raise ValueError(
            f"Model '{graph.trace.name}' has no layer to convert: a convolution or dense layer "
            "other than its classifier, that `keep` does not name."
        )
    return chosen


def _bases(
    graph: ChannelGraph,
    blocks: list[Block],
    factors_or_data: Any,
    options: PassOptions,
    rescale: bool,
) -> list[Eigenbasis]:
    names = [block.name for block in blocks]
    if isinstance(factors_or_data, KroneckerFactors):
        factors = factors_or_data
        if factors.fingerprint != graph.fingerprint:
            raise ValueError(
                f"These factors belong to another model (fingerprint {factors.fingerprint}; "
                f"'{graph.trace.name}' has {graph.fingerprint}). Gather them from this model."
            )
        missing = [name for name in names if name not in factors.layers]
        if missing:
            raise ValueError(
                f"The factors lack layer '{missing[0]}'. Gather them of all layers, or name those "
                "that there are in `layers`."
            )
        if rescale:
            raise ValueError(
                "rescale=True takes a second pass over the data: pass the data instead of factors."
            )
    else:
        factors = factors_of(graph, factors_or_data, options, names)
    bases = in_parallel(lambda block: eigenbasis(block.kernel(), factors[block.name]), blocks)
    if not rescale:
        return bases
    rotations = {
        name: (basis.inputs, basis.outputs) for name, basis in zip(names, bases, strict=True)
    }
    squares = squared_gradients(graph, blocks, factors_or_data, options, rotations)
    return [basis.rescaled(squares[name][0]) for name, basis in zip(names, bases, strict=True)]


def _choose(graph: ChannelGraph, candidates: list[Candidate], budget: Budget) -> Choice:
    if budget.kind == "ratio":
        return choose_ratio(candidates, budget.value)
    dense = budget.cost(graph)(graph.all_kept())
    fixed = dense - sum(getattr(cost_now(c.block), budget.kind) for c in candidates)
    return choose_cost(candidates, budget.kind, fixed, budget.limit(dense))
