"""Prunes a network in rounds and lets it recover beside its teacher, in an adversarial game.

python -m tasks.cifar_aip --flagfile=tasks/flagfiles/resnet56_aip_paper.flags
python -m tasks.cifar_aip --model=resnet8 --rounds=2 --round_epochs=3 --threshold=0.3 \\
    --epochs=10 --finetune_epochs=4 --schedule=one_cycle
"""

from absl import app

from tasks.quiet import quietly

with quietly():
    from tasks import pipeline
    from tasks.adversarial import flags
    from tasks.adversarial.stages import STAGES


def main(values) -> None:
    """Runs the program with parsed flags."""
    settings = flags.read(values)
    pipeline.run(settings, values.stages, values.skip, STAGES)


if __name__ == "__main__":
    flags.define()
    app.run(pipeline.guarded(main))
