"""What a plan of directions says about every layer."""

from typing import Any

import keras

from ccm_tf.kfe import EigenPlan
from ccm_tf.kfe.blocks import ENTER, LEAVE


def eigen_rows(plan: EigenPlan, slim: keras.Model) -> list[dict[str, Any]]:
    """Spectra, kept directions and the size of each stage, layer by layer.

    Args:
        plan: The plan.
        slim: The model that it made.

    Returns:
        Rows with `name`, `inputs`, `outputs`, `kept_inputs`, `kept_outputs`, `stages` (weights of
        the layers that took its place), `input_values` and `output_values` (ascending).
    """
    rows = []
    names = {layer.name: layer for layer in slim.layers}
    for name, spectrum in plan.spectra.items():
        stages = [ENTER.format(name), name, LEAVE.format(name)]
        rows.append(
            {
                "name": name,
                "inputs": len(spectrum.input_values),
                "outputs": len(spectrum.output_values),
                "kept_inputs": len(spectrum.kept_inputs),
                "kept_outputs": len(spectrum.kept_outputs),
                "stages": [names[n].count_params() for n in stages if n in names],
                "input_values": spectrum.input_values.tolist(),
                "output_values": spectrum.output_values.tolist(),
            }
        )
    return rows
