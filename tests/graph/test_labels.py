import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_tf.graph.labels import Labels


def test_fresh_labels_never_repeat():
    labels = Labels()
    first, second = labels.fresh(3), labels.fresh(2)
    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [3, 4]
    assert len(labels) == 5


def test_roots_are_the_smallest_equal_labels():
    labels = Labels()
    a, b, c = labels.fresh(2), labels.fresh(2), labels.fresh(2)
    labels.unite(b, c)
    labels.unite(c, a)
    assert labels.roots().tolist() == [0, 1, 0, 1, 0, 1]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60))
def test_roots_are_connected_components(pairs):
    labels = Labels()
    labels.fresh(30)
    parent = list(range(30))

    def find(label):
        return label if parent[label] == label else find(parent[label])

    for a, b in pairs:
        labels.unite(np.array([a]), np.array([b]))
        low, high = sorted((find(a), find(b)))
        parent[high] = low
    assert labels.roots().tolist() == [find(label) for label in range(30)]


def test_frozen_spreads_over_equal_labels_with_its_reasons():
    labels = Labels()
    a, b = labels.fresh(2), labels.fresh(2)
    labels.unite(a, b)
    labels.freeze(b[:1], "first")
    labels.freeze(a[:1], "second")
    labels.freeze(a[:1], "second")
    mask, reasons = labels.frozen(labels.roots())
    assert mask.tolist() == [True, False, True, False]
    assert reasons == {0: ["first", "second"]}


def test_uniting_arrays_of_different_length_is_refused():
    labels = Labels()
    with pytest.raises(ValueError, match=r"equal length.*\(2,\) and \(3,\)"):
        labels.unite(labels.fresh(2), labels.fresh(3))
