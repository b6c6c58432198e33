import numpy as np
import pytest

from ccm_tf.litert_inputs import by_name, fitted, one_sample

FLOATS = {"shape_signature": np.array([-1, 4]), "dtype": np.float32}


def test_two_inputs():
    assert by_name({"b": 1, "a": 0}, ["a", "b"]) == {"a": 0, "b": 1}


@pytest.mark.parametrize("inputs", [7, {"x": 7}])
def test_one_input(inputs):
    assert by_name(inputs, ["x"]) == {"x": 7}


@pytest.mark.parametrize(
    "inputs, received",
    [
        ({"a": 1}, r"\['a'\]"),
        ({"a": 1, "c": 2}, r"\['a', 'c'\]"),
        ({}, r"\[\]"),
        ([1, 2], "list"),
        ((1, 2), "tuple"),
        (np.ones(2), "ndarray"),
    ],
)
def test_wrong_inputs(inputs, received):
    with pytest.raises(
        ValueError, match=rf"\['a', 'b'\]. Expected a dict with these keys. Received: {received}\."
    ):
        by_name(inputs, ["b", "a"])


def test_a_list_for_one_input_is_refused():
    with pytest.raises(ValueError, match="these keys or one array. Received: list"):
        by_name([np.ones(2)], ["x"])


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
def test_numbers_become_the_files(dtype):
    array = fitted(np.ones((3, 4), dtype), "x", FLOATS)
    assert array.dtype == np.float32 and array.shape == (3, 4)


@pytest.mark.parametrize("wanted, given", [("int32", "float32"), ("uint8", "int32")])
def test_rounding_and_wrapping_are_refused(wanted, given):
    detail = {"shape_signature": np.array([-1]), "dtype": np.dtype(wanted).type}
    with pytest.raises(ValueError, match=f"Input 'x'.*is {wanted}. Received.*of {given}"):
        fitted(np.ones(2, given), "x", detail)


@pytest.mark.parametrize("shape", [(), (4,), (2, 5), (2, 4, 1)])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"Input 'x'.*has shape \(None, 4\). Received an array"):
        fitted(np.ones(shape, "float32"), "x", FLOATS)


def test_one_sample():
    sample = one_sample("x", FLOATS)
    assert sample.shape == (1, 4) and sample.dtype == np.float32
    assert np.std(sample) > 0
    np.testing.assert_array_equal(sample, one_sample("x", FLOATS))
    fixed = {"shape_signature": np.array([3, 2]), "dtype": np.int8}
    np.testing.assert_array_equal(one_sample("x", fixed), np.ones((3, 2), "int8"))


def test_no_sample_of_open_shape():
    detail = {"shape_signature": np.array([-1, -1, 3]), "dtype": np.float32}
    with pytest.raises(ValueError, match=r"'x'.*open shape \(-1, -1, 3\).*Pass `inputs`"):
        one_sample("x", detail)
