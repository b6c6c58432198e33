"""Makes a saved model smaller: plans, cuts, folds, recalibrates, fine-tunes, exports and reports.

python -m tasks.compress --model=net.keras --data_dir=images/ --macs=0.5 --dry_run
python -m tasks.compress --model=net.keras --data_dir=images/ --criterion=pca --macs=0.5 \\
    --finetune_epochs=3 --output_dir=out/
"""

from absl import app

from tasks.quiet import quietly

with quietly():
    from tasks import pipeline
    from tasks.compression import flags
    from tasks.compression.job import CompressionJob
    from tasks.compression.settings import Compression
    from tasks.compression.stages import stages_of


def compress(
    settings: Compression, only: list[str] = (), skip: list[str] = (), dry_run: bool = False
) -> None:
    """Takes a model from its file to a report, or goes on where an earlier process stopped.

    Args:
        settings: What to compute.
        only: Names of stages to run. Defaults to all of them.
        skip: Names of stages to leave out.
        dry_run: Stop after the plan. Defaults to `False`.

    Raises:
        ValueError: If model, images, plan or settings do not fit each other.
        FileNotFoundError: If one of the files is missing.
    """
    stages = pipeline.chosen(only, skip, stages_of(settings, dry_run))
    job = CompressionJob(settings)
    job.prepare()
    pipeline.check_inputs(job, stages)
    pipeline.work(job, stages, job.model.count_params())
    if dry_run:
        print(
            f"Nothing was cut. To go on, run the same command without --dry_run; to change the "
            f"plan, edit '{job.path('plan.json')}' first."
        )


def main(values) -> None:
    """Runs the program with parsed flags."""
    compress(flags.read(values), values.stages, values.skip, values.dry_run)


if __name__ == "__main__":
    flags.define()
    app.run(pipeline.guarded(main))
