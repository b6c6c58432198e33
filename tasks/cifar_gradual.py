"""Trains a network from scratch and prunes it meanwhile; no fine-tuning of its own.

python -m tasks.cifar_gradual --flagfile=tasks/flagfiles/vgg16_frs_paper.flags
python -m tasks.cifar_gradual --model=resnet8 --method=magnitude --sparsity=0.5 \\
    --epochs=10 --prune_every=1 --prune_until=6 --schedule=one_cycle
"""

from absl import app

from tasks.quiet import quietly

with quietly():
    from tasks import pipeline
    from tasks.gradual import flags
    from tasks.gradual.stages import stages_of


def main(values) -> None:
    """Runs the program with parsed flags."""
    settings = flags.read(values)
    pipeline.run(settings, values.stages, values.skip, stages_of(settings))


if __name__ == "__main__":
    flags.define()
    app.run(pipeline.guarded(main))
