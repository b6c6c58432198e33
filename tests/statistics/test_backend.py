import keras
import pytest

from ccm_tf.statistics.backend import for_backend


def test_the_one_for_the_backend_that_runs():
    name = keras.backend.backend()
    assert for_backend({"other": 1, name: 2}) == 2


def test_without_one_both_are_named():
    with pytest.raises(NotImplementedError, match=f"other.*'{keras.backend.backend()}'"):
        for_backend({"other": 1})
