import keras
import numpy as np
import pytest

from ccm_tf.conversion.float32 import in_float32


def model():
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs))


def test_a_float32_model_is_left_alone():
    plain = model()
    assert in_float32(plain) is plain


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
def test_a_copy_computes_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    reduced = model()
    plain = in_float32(reduced)
    assert plain is not reduced and reduced.layers[1].compute_dtype != "float32"
    assert plain.layers[1].compute_dtype == "float32"
    for one, other in zip(plain.get_weights(), reduced.get_weights(), strict=True):
        np.testing.assert_array_equal(np.asarray(one, "float32"), np.asarray(other, "float32"))
