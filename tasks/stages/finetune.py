"""Stage `finetune`: the slim network, trained on without CCM-loss."""

from tasks.job import Job
from tasks.stages.stage import Stage
from tasks.training import fit


def run(job: Job) -> None:
    """Trains the pruned network."""
    fit(job, "pruned.keras", job.settings.finetune, "finetuned")


FINETUNE = Stage(
    "finetune",
    "fine-tune the pruned network",
    run,
    makes=("finetuned.keras",),
    needs=("pruned.keras",),
    together=True,
)
