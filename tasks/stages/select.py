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
    write_json(job.path("selection.json"), _described(plan, ccm_tf.ChannelGraph(model)))
    plan.save(job.path("plan.json"))
    plan.summary()


def statistics_images(job: Job):
    """The training images that statistics are taken on: in order, without augmentation."""
    selection = job.settings.selection
    count = selection.batches * selection.batch_size
    sample = job.dataset.sample("train", count, job.settings.seed)
    return job.dataset.batches_of(sample, selection.batch_size)


def _described(plan: ccm_tf.PruningPlan, graph: ccm_tf.ChannelGraph) -> dict[str, list[dict]]:
    """What the report shows: widths of layers with why channels must stay, spectra of groups."""
    return {"layers": _layers(plan, graph), "groups": _groups(plan, graph)}


def _layers(plan: ccm_tf.PruningPlan, graph: ccm_tf.ChannelGraph) -> list[dict]:
    """One row for all layers that make the same channels, as those of a residual stream do."""
    rows: dict[bytes, dict] = {}
    for producer in graph.producers:
        frozen = producer.roots[graph.is_frozen(producer.roots)]
        row = rows.setdefault(
            producer.roots.tobytes(),
            {
                "layers": [],
                "width": len(producer.roots),
                "kept": len(plan.kept[producer.name]),
                "frozen": len(frozen),
                "reasons": list(graph.reasons_for(frozen)),
            },
        )
        row["layers"].append(producer.name)
    return list(rows.values())


def _groups(plan: ccm_tf.PruningPlan, graph: ccm_tf.ChannelGraph) -> list[dict]:
    mask = plan.root_mask(graph)
    return [
        {
            "name": group.name,
            "width": len(group.roots),
            "kept": int(mask[group.roots].sum()),
            "scores": plan.rankings[group.name].scores[:_POINTS].tolist(),
        }
        for group in graph.groups
        if group.name in plan.rankings
    ]


SELECT = Stage(
    "select",
    "choose the channels that stay",
    run,
    makes=("selection.json", "plan.json"),
    needs=("dense.keras",),
)
