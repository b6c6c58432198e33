"""Trains VGG-16 with CCM-loss, removes channels, fine-tunes, exports and reports.

python -m tasks.cifar_vgg16 --flagfile=tasks/flagfiles/quickstart.flags
python -m tasks.cifar_vgg16 --dataset=image_folder --data_dir=DIR --output_dir=out/mine
"""

from absl import app

from tasks.quiet import quietly

with quietly():
    from tasks import flags, pipeline

if __name__ == "__main__":
    flags.define(output_dir="out/vgg16")
    app.run(pipeline.program(lambda: "vgg16"))
