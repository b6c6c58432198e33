"""Trains a network, prunes it in its Kronecker-factored eigenbasis, fine-tunes and reports.

python -m tasks.cifar_eigendamage --flagfile=tasks/flagfiles/vgg19_eigendamage_one_pass.flags
python -m tasks.cifar_eigendamage --model=resnet32_wide --width=0.25 --epochs=10 \\
    --finetune_epochs=5 --ratio=0.5,0.5 --protocol=iterative
"""

from absl import app

from tasks.quiet import quietly

with quietly():
    from tasks import pipeline
    from tasks.eigendamage import flags
    from tasks.eigendamage.stages import stages_of
    from tasks.job import Job
    from tasks.models import build


def main(values) -> None:
    """Runs the program with parsed flags."""
    settings = flags.read(values)
    stages = pipeline.chosen(values.stages, values.skip, stages_of(settings))
    job = Job(settings)
    pipeline.check_inputs(job, stages)
    network = build(
        settings.network, len(job.dataset.classes), settings.width, job.dataset.image_shape
    )
    # Every round leaves two networks and a checkpoint.
    pipeline.work(job, stages, network.count_params() * len(settings.rounds.ratios))


if __name__ == "__main__":
    flags.define()
    app.run(pipeline.guarded(main))
