"""Trains a residual network with CCM-loss, removes channels, fine-tunes, exports and reports.

python -m tasks.cifar_resnet --depth=56 --flagfile=tasks/flagfiles/resnet56_ccm_paper.flags
"""

from absl import app
from absl import flags as absl_flags

from tasks.quiet import quietly

with quietly():
    from tasks import flags, pipeline

if __name__ == "__main__":
    flags.define(output_dir="out/resnet")
    depth = absl_flags.DEFINE_integer("depth", 56, "Layers of the network: 56, 110, or 6n + 2.")
    app.run(pipeline.program(lambda: f"resnet{depth.value}"))
