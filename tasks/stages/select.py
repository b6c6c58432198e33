"""Stage `select`: which channels stay."""

import keras

import ccm_tf
from ccm_tf.files import write_json
from tasks import progress
from tasks.job import Job
from tasks.stages.stage import Stage

# Numbers in a spectrum of the report; wide layers need no more to show their shape.
_POINTS = 512


def run(job: Job) -> None:
    """Ranks the channels on training images and writes the plan."""
    model = keras.saving.load_model(job.path("dense.keras"), compile=False)
    selection = job.settings.selection
    images = statistics_images(job)
    plan = ccm_tf.plan(
        model,
        selection.criterion,
        progress.watched(images, f"ranking channels by {selection.criterion}"),
        scope=selection.scope,
        keep=selection.keep,
        **{selection.budget.kind: selection.budget.value},
    )
    write_json(job.path("selection.json"), _rankings(plan, ccm_tf.ChannelGraph(model)))
    plan.save(job.path("plan.json"))
    plan.summary()


def statistics_images(job: Job):
    """The training images that statistics are taken on: in order, without augmentation."""
    selection = job.settings.selection
    count = selection.batches * selection.batch_size
    sample = job.dataset.sample("train", count, job.settings.seed)
    return job.dataset.batches_of(sample, selection.batch_size)


def _rankings(plan: ccm_tf.PruningPlan, graph: ccm_tf.ChannelGraph) -> list[dict]:
    """What the report shows of every group: spectrum, width, and why channels must stay."""
    rows = []
    for group in graph.groups:
        layer = group.producers[0]
        row = {
            "group": group.name,
            "layers": [producer.name for producer in group.producers],
            "width": len(layer.roots),
            "kept": len(plan.kept[layer.name]),
            "frozen": len(group.frozen),
            "reasons": list(group.reasons),
        }
        ranking = plan.rankings.get(group.name)
        if ranking is not None:
            row["scores"] = ranking.scores[:_POINTS].tolist()
        rows.append(row)
    return rows


SELECT = Stage(
    "select",
    "choose the channels that stay",
    run,
    makes=("selection.json", "plan.json"),
    needs=("dense.keras",),
)
