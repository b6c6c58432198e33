"""From a choice to the plan that says it: directions, spectra, counts."""

from typing import Any

from ccm_tf.budget import Budget
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.candidates import Candidate
from ccm_tf.kfe.choice import Choice
from ccm_tf.kfe.costs import cost_now
from ccm_tf.kfe.directions import Directions, Spectrum
from ccm_tf.kfe.eigen_plan import EigenPlan
from ccm_tf.kfe.separable import separated


def written(
    graph: ChannelGraph,
    candidates: list[Candidate],
    choice: Choice,
    budget: Budget,
    settings: dict[str, Any],
) -> EigenPlan:
    """The plan for a choice.

    Args:
        graph: The channel graph.
        candidates: The layers that may be converted.
        choice: How many directions each of them loses.
        budget: What was asked for.
        settings: How the plan was made, among them `separable`.
    """
    layers, spectra = {}, {}
    counts = {kind: getattr(graph, kind)() for kind in ("macs", "params")}
    dense = {"directions": sum(c.units for c in candidates), **counts}
    left, rise = dict(dense), 0.0
    for candidate, drops in zip(candidates, choice.drops, strict=True):
        name, basis = candidate.block.name, candidate.basis
        inputs, outputs = candidate.kept(drops)
        spectra[name] = Spectrum(
            basis.input_values,
            basis.output_values,
            basis.input_scores,
            basis.output_scores,
            inputs,
            outputs,
        )
        if not any(drops):
            continue
        layers[name] = _directions(candidate, inputs, outputs, settings["separable"])
        saved = cost_now(candidate.block) - candidate.cost(drops)
        left["directions"] -= sum(drops)
        left["macs"] -= saved.macs
        left["params"] -= saved.params
        rise += basis.rise(inputs, outputs)
    return EigenPlan(
        layers,
        graph.fingerprint,
        {budget.kind: budget.value},
        {"dense": dense, "kept": left},
        choice.notes,
        {**settings, "predicted_rise": rise},
        spectra,
    )


def _directions(candidate: Candidate, inputs: Any, outputs: Any, fit: str | None) -> Directions:
    basis = candidate.basis
    into, out = basis.inputs[:, inputs], basis.outputs[:, outputs]
    if fit is None or not candidate.separable:
        return Directions(into, out)
    core = basis.kernel[:, inputs][:, :, outputs]
    values = basis.input_values[inputs], basis.output_values[outputs]
    mix_in, taps, mix_out = separated(core, values, fit)
    return Directions(into @ mix_in, out @ mix_out, taps)
