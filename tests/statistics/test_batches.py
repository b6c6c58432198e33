import keras
import numpy as np
import pytest

from ccm_tf.statistics.batches import batch_count, batches, sample_count

X = np.arange(10 * 2).reshape(10, 2).astype("float32")
Y = np.arange(10)


class Numbers(keras.utils.PyDataset):
    def __init__(self, batches_of_it):
        super().__init__()
        self._batches = batches_of_it

    @property
    def num_batches(self):
        return self._batches

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


def parts():
    return [(X[i : i + 4], Y[i : i + 4]) for i in range(0, 10, 4)]


SOURCES = {
    "array": lambda: X,
    "tuple of one": lambda: (X,),
    "x, y": lambda: (X, Y),
    "x, y, weights": lambda: (X, Y, Y),
    "batches of x, y": parts,
    "batches of x": lambda: [(x,) for x, _ in parts()],
    "tuple of batches": lambda: tuple(parts()) + ((X[:0], Y[:0]),),
    "generator": lambda: (part for part in parts()),
    "generator of x": lambda: (x for x, _ in parts()),
    "PyDataset": lambda: Numbers(3),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_the_same_samples(name):
    found = list(batches(SOURCES[name](), batch_size=4))
    assert [len(batch) for batch in found][:3] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(found), X)


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"generator", "generator of x"}))
def test_sources_can_be_read_again(name):
    source = SOURCES[name]()
    first, second = list(batches(source, 4)), list(batches(source, 4))
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(second))


@pytest.mark.parametrize("name", SOURCES)
def test_max_batches(name):
    assert len(list(batches(SOURCES[name](), batch_size=4, max_batches=2))) == 2


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"generator", "generator of x"}))
def test_batch_count_is_the_number_of_batches(name):
    source = SOURCES[name]()
    assert batch_count(source, 4) == len(list(batches(source, 4)))
    assert batch_count(source, 4, max_batches=2) == 2


def test_batch_count_of_a_generator_is_unknown():
    assert batch_count(iter(parts())) is None
    assert batch_count(iter(parts()), max_batches=5) == 5


@pytest.mark.parametrize("data", [{"a": X, "b": Y}, ({"a": X, "b": Y}, Y)])
def test_dict_of_arrays(data):
    first = next(batches(data, batch_size=4))
    np.testing.assert_array_equal(first["a"], X[:4])
    np.testing.assert_array_equal(first["b"], Y[:4])


@pytest.mark.parametrize("data", [[X, Y], ([X, Y], Y)])
def test_list_of_arrays_is_several_inputs(data):
    first = next(batches(data, batch_size=4))
    np.testing.assert_array_equal(first[0], X[:4])
    np.testing.assert_array_equal(first[1], Y[:4])


@pytest.mark.tensorflow
def test_tf_data():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    found = list(batches(dataset))
    np.testing.assert_array_equal(np.concatenate(found), X)
    assert batch_count(dataset) == 3
    with pytest.raises(ValueError, match="no end.*take"):
        batches(dataset.repeat())
    assert len(list(batches(dataset.repeat(), max_batches=7))) == 7


def test_backend_tensors_are_arrays():
    found = list(batches(keras.ops.convert_to_tensor(X), 4))
    np.testing.assert_array_equal(np.concatenate(found), X)


def test_endless_py_dataset_needs_max_batches():
    with pytest.raises(ValueError, match="max_batches"):
        batches(Numbers(None))
    assert len(list(batches(Numbers(None), max_batches=5))) == 5


def test_nothing_is_read_ahead():
    read = []

    def source():
        for index in range(5):
            read.append(index)
            yield X[:4]

    stream = batches(source())
    next(stream)
    assert read == [0]


def test_missing_data_is_refused_at_the_call():
    with pytest.raises(ValueError, match="Data is needed"):
        batches(None)


@pytest.mark.parametrize("data", [X[:0], [], (X[:0], Y[:0]), iter(())])
def test_empty_data(data):
    with pytest.raises(ValueError, match="no batch"):
        list(batches(data))


def test_a_generator_is_empty_the_second_time():
    source = iter(parts())
    list(batches(source))
    with pytest.raises(ValueError, match="once"):
        list(batches(source))


def test_arrays_of_different_length():
    with pytest.raises(ValueError, match=r"\[7, 10\] samples"):
        list(batches([X, Y[:7]]))


def test_unknown_kind_of_data():
    with pytest.raises(ValueError, match="Received: int"):
        list(batches(3))


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "4"])
def test_numbers_must_be_positive_integers(number):
    with pytest.raises(ValueError, match="batch_size"):
        batches(X, batch_size=number)
    with pytest.raises(ValueError, match="max_batches"):
        batches(X, max_batches=number)


LABELLED = ("x, y", "x, y, weights", "batches of x, y", "generator", "PyDataset")


@pytest.mark.parametrize("name", LABELLED)
def test_labels_come_with_their_samples(name):
    found = list(batches(SOURCES[name](), batch_size=4, labels=True))
    assert [(len(x), len(y)) for x, y in found] == [(4, 4), (4, 4), (2, 2)]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found]), X)
    np.testing.assert_array_equal(np.concatenate([y for _, y in found]), Y)


def test_labels_as_a_list_of_numbers_or_a_dict():
    ((_, y),) = batches((X, Y.tolist()), labels=True)
    np.testing.assert_array_equal(y, Y)
    ((x, y),) = batches(({"a": X}, {"b": Y, "c": X}), labels=True)
    assert sorted(x) == ["a"] and sorted(y) == ["b", "c"]
    ((_, y),) = batches(([X, X], [Y, X]), labels=True)
    assert [part.shape for part in y] == [(10,), (10, 2)]


@pytest.mark.parametrize("name", ["array", "tuple of one"])
def test_missing_labels_are_refused_at_the_call(name):
    with pytest.raises(ValueError, match=r"Labels are needed here: pass `\(x, y\)`"):
        batches(SOURCES[name](), labels=True)


@pytest.mark.parametrize("name", ["batches of x", "generator of x"])
def test_batches_without_labels(name):
    with pytest.raises(ValueError, match="Labels are needed"):
        list(batches(SOURCES[name](), labels=True))


def test_fewer_labels_than_samples():
    with pytest.raises(ValueError, match="equally many samples"):
        list(batches((X, Y[:9]), labels=True))


def test_samples_are_known_of_arrays_only():
    images = np.zeros((10, 4))
    assert sample_count(images) == sample_count((images, np.zeros(10))) == 10
    assert sample_count(images, batch_size=3, max_batches=2) == 6
    assert sample_count([(images,)]) is None
