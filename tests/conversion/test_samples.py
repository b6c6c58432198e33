import keras
import numpy as np
import pytest

from ccm_tf.conversion.samples import MOST_SAMPLES, cut, random_batches, real_samples, structured


def two_inputs(batch=None):
    z = keras.Input(batch_shape=(batch, 4), name="z")
    a = keras.Input(batch_shape=(batch, 2), name="a", dtype="int32")
    return keras.Model([z, a], [z * 1.0, a * 1])


def test_arrays_lists_dicts_and_batches_give_the_same():
    z, a = np.ones((40, 4)), np.arange(80).reshape(40, 2)
    ways = [
        [z, a],
        ([z, a], np.zeros(40)),
        {"a": a, "z": z},
        [([z[:30], a[:30]], None), ([z[30:], a[30:]], None)],
    ]
    for data in ways:
        found = real_samples(two_inputs(), data)
        assert found["z"].dtype == "float32" and found["a"].dtype == "int32"
        np.testing.assert_array_equal(found["a"], a)


def test_a_stream_without_an_end_is_not_read_to_it():
    def forever():
        while True:
            yield ([np.ones((50, 4)), np.ones((50, 2))],)

    assert len(real_samples(two_inputs(), forever())["z"]) == MOST_SAMPLES


@pytest.mark.parametrize("count, sizes", [(1, [1]), (3, [3]), (4, [3, 1]), (9, [3, 1, 5])])
def test_batches_of_several_sizes(count, sizes):
    model = two_inputs()
    samples = {"z": np.arange(4 * count).reshape(count, 4), "a": np.ones((count, 2))}
    parts = list(cut(model, samples))
    assert [len(part["z"]) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate([p["z"] for p in parts]), samples["z"])
    assert [len(part["z"]) for part in cut(model, samples, 1)] == [1] * count


def test_a_fixed_batch_size_is_kept():
    samples = {"z": np.ones((7, 4)), "a": np.ones((7, 2))}
    assert [len(part["z"]) for part in cut(two_inputs(3), samples)] == [3, 3]
    with pytest.raises(ValueError, match="fixed batch size of 8. Received only 7"):
        list(cut(two_inputs(8), samples))


def test_random_batches_are_the_same_each_time_and_fit():
    model = two_inputs()
    first, second = (list(random_batches(model)) for _ in range(2))
    assert [len(part["z"]) for part in first] == [1, 3, 4]
    np.testing.assert_array_equal(first[1]["z"], second[1]["z"])
    assert isinstance(structured(model, first[0]), list)


def test_inputs_that_do_not_fit():
    with pytest.raises(ValueError, match=r"has the inputs \['z', 'a'\]. Received 1 arrays"):
        real_samples(two_inputs(), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"'a' takes samples of shape \(2,\).*\(3,\)"):
        real_samples(two_inputs(), [np.ones((5, 4)), np.ones((5, 3))])
