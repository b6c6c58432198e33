"""Stage `report`: report.json, report.html and the final table."""

import keras

import ccm_tf
from ccm_tf.files import write_json, write_text
from tasks.job import Job
from tasks.report.correlations import correlations
from tasks.report.measure import NETWORKS, history, measured
from tasks.report.page import page
from tasks.report.table import table
from tasks.report.widths import group_rows, layer_rows
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage


def run(job: Job) -> None:
    """Measures what there is and writes it down."""
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    dense = keras.saving.load_model(job.path("dense.keras"), compile=False)
    graph = ccm_tf.ChannelGraph(dense, plan.exact)
    settings = job.settings
    report = measured(job) | {
        "title": settings.title,
        "story": settings.story,
        "credits": settings.credits,
        "sliced": job.read_json("sliced.json"),
        "run": job.read_json("run.json"),
        "plan": {"criterion": plan.criterion, "target": plan.target},
        # From the plan as it is now: a hand may have edited it since channels were chosen.
        "layers": layer_rows(plan, graph),
        "groups": group_rows(plan, graph, job.read_json("selection.json")["scores"]),
        "history": {name: history(job, name) for name in ("dense", "finetuned")},
    }
    images = statistics_images(job)
    last = [name for name in NETWORKS if report[name]][-1]
    matrices = {name: correlations(job, name, images) for name in ("dense", last)}
    write_text(job.path("report.html"), page(report, matrices["dense"], matrices[last]))
    write_json(job.path("report.json"), report)
    show(job)


def show(job: Job) -> None:
    """Prints the table and where the page is."""
    print(table(job.read_json("report.json")))
    print(f"Report: {job.path('report.html')}")


REPORT = Stage(
    "report",
    "measure everything and write the report",
    run,
    makes=("report.html", "report.json"),
    needs=("dense.keras", "selection.json", "plan.json", "sliced.json", "pruned.keras"),
    uses=("finetuned.keras", "dense.tflite", "model.tflite"),
    show=show,
)
