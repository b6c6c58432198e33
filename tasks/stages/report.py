"""Stage `report`: report.json, report.html and the final table."""

import keras

import ccm_tf
from ccm_tf.reporting.correlations import as_values, correlation_pairs
from ccm_tf.reporting.document import Report
from ccm_tf.reporting.network import network_of
from ccm_tf.reporting.widths import group_rows, kept_counts, layer_rows
from tasks.job import Job
from tasks.report.measure import NETWORKS, SHIPPED, measured
from tasks.report.values import rounds, run_values, show
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage


def run(job: Job) -> None:
    """Measures what there is and writes it down."""
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    last = [name for name in NETWORKS if job.has(f"{name}.keras")][-1]
    dense, after = (
        keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
        for name in ("dense", last)
    )
    graph = ccm_tf.ChannelGraph(dense, plan.exact)
    stages, how = measured(job)
    pairs = correlation_pairs(dense, after, statistics_images(job))
    values = run_values(job, stages, how, ("dense", "finetuned")) | {
        "sliced": job.read_json("sliced.json"),
        "plan": {"criterion": plan.criterion, "target": plan.target, "notes": plan.notes},
        # From the plan as it is now: a hand may have edited it since channels were chosen.
        "layers": layer_rows(graph, kept_counts(plan)),
        "network": network_of(graph, after),
        "groups": group_rows(plan, graph, job.read_json("selection.json")["scores"]),
        "correlations": as_values(pairs),
        "rounds": rounds(job),
    }
    Report(values, pairs).save(job.path("report.html"))
    show(job)


REPORT = Stage(
    "report",
    "measure everything and write the report",
    run,
    makes=("report.html", "report.json"),
    needs=("dense.keras", "selection.json", "plan.json", "sliced.json", "pruned.keras"),
    uses=("finetuned.keras", "dense.tflite", *SHIPPED),
    show=show,
)
