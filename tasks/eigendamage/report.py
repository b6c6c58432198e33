"""Stage `report` of a run with rounds: what every round left, and the spectra behind it."""

from typing import Any

import keras

import ccm_tf
from ccm_tf.reporting.document import Report
from ccm_tf.reporting.network import kept_widths, network_of
from ccm_tf.reporting.stages import counted, stage
from ccm_tf.reporting.widths import layer_rows
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.report.values import run_values, show

KINDS = ("pruned", "finetuned")
_HOW = {"accuracy": "test images, last epoch", "bytes": "weights, float32"}


def run(job: Job) -> None:
    """Measures every network of the run and writes it down."""
    settings: Any = job.settings
    settled = settings.rounds
    rounds, stages = [], [_measured(job, "dense", "dense")]
    for number in range(1, len(settled.ratios) + 1):
        found = job.read_json(f"round_{number}.json")
        title = f"round {number}, {100 * found['ratio']:.0f} % dropped"
        for kind, said in zip(KINDS, (f"{title}, recalibrated", title), strict=True):
            stages.append(_measured(job, f"{kind}_{number}", said))
        rounds.append({"round": number, **found})
    dense, last = (_load(job, row["name"]) for row in (stages[0], stages[-1]))
    graph = ccm_tf.ChannelGraph(dense)
    trainings = ["dense", *(f"finetuned_{row['round']}" for row in rounds)]
    values = run_values(job, stages, _HOW, trainings) | {
        "method": settled.method,
        "protocol": settled.protocol,
        "directions": [
            {"title": f"round {row['round']}", "layers": row.pop("layers")} for row in rounds
        ],
        "rounds": rounds,
        "layers": layer_rows(graph, kept_widths(graph, last)),
        "network": network_of(graph, last),
    }
    Report(values).save(job.path("report.html"))
    show(job)


def _load(job: Job, name: str) -> keras.Model:
    return keras.saving.load_model(job.path(f"{name}.keras"), compile=False)


def _measured(job: Job, name: str, title: str) -> dict[str, Any]:
    model = _load(job, name)
    profile = ccm_tf.profile(model, convention="eigendamage")
    test = job.dataset.batches("test", 256)
    figures = {"accuracy": accuracy(model, test, f"testing {name}"), **counted(profile)}
    return stage(name, **figures, flops=profile.flops) | {"title": title}
