import numpy as np
import pytest

from ccm_tf.tfmot.weights import carry_over, check_same


class Variable:
    def __init__(self, name, value):
        self.name, self.value = name, np.array(value, float)

    @property
    def shape(self):
        return self.value.shape

    def __array__(self, dtype=None, copy=None):
        return self.value

    def assign(self, value):
        self.value = np.array(value)


def test_weights_go_by_name_where_names_tell():
    sources = [Variable("bias", [3]), Variable("kernel", [1, 2])]
    targets = [Variable("dense/kernel:0", [0, 0]), Variable("dense/bias:0", [0])]
    carry_over("dense", sources, targets)
    assert list(targets[0].value) == [1, 2] and list(targets[1].value) == [3]


def test_weights_go_by_order_otherwise():
    sources = [Variable("kernel", [1]), Variable("kernel", [2])]
    targets = [Variable("a/kernel:0", [0]), Variable("b/kernel:0", [0])]
    carry_over("two", sources, targets)
    assert [float(t.value[0]) for t in targets] == [1, 2]


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match=r"'odd' has the weights \['kernel'\] .* and \[\]"):
        carry_over("odd", [Variable("kernel", [1])], [])
    with pytest.raises(ValueError, match=r"'kernel' of layer 'odd' has shape \(1,\)"):
        carry_over("odd", [Variable("kernel", [1])], [Variable("kernel:0", [1, 2])])


def test_models_that_differ_are_refused():
    inputs = [((None, 3), "float32"), ((None, None), "int32")]

    def first(arrays):
        assert [array.shape for array in arrays] == [(2, 3), (2, 8)]
        return [arrays[0]]

    check_same(inputs, first, lambda arrays: [arrays[0] + 1e-6])
    with pytest.raises(RuntimeError, match="differ by 0.01"):
        check_same(inputs, first, lambda arrays: [arrays[0] + 0.01])
    with pytest.raises(RuntimeError, match="differ by nan"):
        check_same(inputs, first, lambda arrays: [arrays[0] * np.nan])
