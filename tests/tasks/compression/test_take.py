import keras
import numpy as np

from tasks.compression.take import TAKE
from tests.tasks.compression.conftest import unet


def test_the_copy_has_a_size_and_the_same_weights(job, shapes):
    model = unet()
    made = job("--image_size=16", model=model, data=shapes)
    made.folder.mkdir()
    TAKE.run(made)
    copy = keras.saving.load_model(made.path("dense.keras"))
    assert copy.input_shape == (None, 16, 16, 3)
    for ours, theirs in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
