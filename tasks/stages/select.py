"""Stage `select`: which channels stay."""

import keras

import ccm_tf
from ccm_tf import distribute
from ccm_tf.files import write_json
from ccm_tf.reporting.widths import cut_lines
from tasks import progress
from tasks.job import Job
from tasks.stages.stage import Stage

# Numbers in a spectrum of the report; wide layers need no more to show their shape.
_POINTS = 512


def run(job: Job) -> None:
    """Ranks the channels on training images and writes the plan, or takes over a given one."""
    model = keras.saving.load_model(job.path("dense.keras"), compile=False)
    selection = job.settings.selection
    plan = given_plan(selection.plan, model) if selection.plan else _planned(job, model)
    scores = {name: r.scores[:_POINTS].tolist() for name, r in plan.rankings.items()}
    write_json(job.path("selection.json"), {"scores": scores})
    plan.save(job.path("plan.json"))
    print("\n".join(cut_lines(plan, ccm_tf.ChannelGraph(model, plan.exact))))


def given_plan(path: str, model: keras.Model) -> ccm_tf.PruningPlan:
    """Reads a plan, perhaps edited, and checks that it fits a model.

    Args:
        path: The plan's JSON file.
        model: The model that it is for.

    Returns:
        The plan, with what it saves counted anew.

    Raises:
        ValueError: If the plan does not fit; the message says where.
        FileNotFoundError: If there is no such file.
    """
    plan = ccm_tf.PruningPlan.load(path)
    graph = ccm_tf.ChannelGraph(model, plan.exact)
    mask = plan.root_mask(graph)
    return ccm_tf.PruningPlan.from_mask(
        graph, mask, criterion=plan.criterion, target=plan.target, notes=plan.notes
    )


def _planned(job: Job, model: keras.Model) -> ccm_tf.PruningPlan:
    selection = job.settings.selection
    strategy = distribute.current()
    task = f"ranking channels by {selection.criterion}"
    return distribute.plan(
        strategy,
        model,
        selection.criterion,
        progress.watched(statistics_images(job), task, strategy.workers),
        scope=selection.scope,
        keep=selection.keep,
        **{selection.budget.kind: selection.budget.value},
        **selection.limits,
    )


def statistics_images(job: Job, most: int | None = None):
    """The training images that statistics are taken on: in order, without augmentation.

    Args:
        job: The run.
        most: Take at most so many of them. Defaults to `None`, all.
    """
    selection = job.settings.selection
    count = selection.batches * selection.batch_size
    sample = job.dataset.sample("train", min(count, most or count), job.settings.seed)
    return job.dataset.batches_of(sample, selection.batch_size)


SELECT = Stage(
    "select",
    "choose the channels that stay",
    run,
    makes=("selection.json", "plan.json"),
    needs=("dense.keras",),
    together=True,
)
