import warnings

import numpy as np
import pytest

from ccm_tf.gradual.masks import ChannelMasks
from ccm_tf.gradual.memory import Regrowth
from ccm_tf.gradual.state_file import StateFile
from tests import zoo


@pytest.fixture
def masks():
    return ChannelMasks(zoo.randomise(zoo.residual()))


def started(masks):
    memory = Regrowth()
    memory.start(masks)
    return memory


def test_masked_channels_come_back_as_they_were(masks):
    before = masks.values()
    memory = started(masks)
    memory.bring_back(masks)
    masks.set(zoo.random_plan(masks.model).root_mask(masks.graph))
    assert not masks.alive.all()
    memory.bring_back(masks)
    assert masks.alive.all()
    for ours, theirs in zip(masks.values(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_process_knows_the_weights_from_the_file(masks, tmp_path):
    file = StateFile(tmp_path / "state.npz")
    memory = started(masks)
    memory.save(file, 3)
    assert not file.path.exists()  # Nothing to remember yet.
    memory.bring_back(masks)
    memory.save(file, 8)
    again = started(masks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.resume(StateFile(file.path), 8)
    for name, array in memory.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)


def test_what_belongs_to_another_step_or_model_is_left(masks, tmp_path):
    file = StateFile(tmp_path / "state.npz")
    file.write(8, {"weight0": np.zeros(3)})
    memory = started(masks)
    for step in (8, 9):
        with pytest.warns(UserWarning, match=rf"steps \[8\], but the model has done {step}"):
            memory.resume(file, step)
    assert not memory.arrays
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        memory.resume(file, 0)
        memory.resume(None, 5)
