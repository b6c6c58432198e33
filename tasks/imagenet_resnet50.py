"""Trains ResNet-50 on images from disk with CCM-loss, removes channels, fine-tunes, measures.

python -m tasks.imagenet_resnet50 --flagfile=tasks/flagfiles/resnet50_ccm_paper.flags \\
    --dataset=imagenet2012 --data_dir=DIR --strategy=mirrored
python -m tasks.imagenet_resnet50 --flagfile=tasks/flagfiles/resnet50_smoke.flags --data_dir=DIR
"""

from absl import app

from tasks.quiet import quietly

with quietly():
    from tasks import pipeline
    from tasks.imagenet import settings as imagenet
    from tasks.imagenet.stages import STAGES


def main(values) -> None:
    """Runs the program with parsed flags."""
    pipeline.run(imagenet.read(values), values.stages, values.skip, STAGES)


if __name__ == "__main__":
    imagenet.define()
    app.run(pipeline.guarded(main))
