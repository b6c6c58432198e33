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


def main(values) -> None:
    """Runs the program with parsed flags."""
    settings = flags.read(values)
    # Every round leaves two networks and a checkpoint.
    rounds = len(settings.rounds.ratios)
    pipeline.run(settings, values.stages, values.skip, stages_of(settings), networks=rounds)


if __name__ == "__main__":
    flags.define()
    app.run(pipeline.guarded(main))
