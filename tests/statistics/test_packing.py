import numpy as np
import pytest

from ccm_tf.statistics.packing import pack, unpack


def test_there_and_back_bit_by_bit():
    arrays = [np.array([1 / 3, -0.0, np.inf]), np.zeros((0, 2), np.float32), np.arange(3)]
    value = {"a": arrays, "b": [1, 2.5, None, "word", True], "c": np.float32(0.1), "d": {}}
    found = unpack(pack(value))
    assert found["b"] == value["b"] and found["d"] == {}
    assert found["c"] == np.float32(0.1) and found["c"].dtype == np.float32
    for one, other in zip(found["a"], arrays, strict=True):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


def test_tuples_become_lists():
    assert unpack(pack((1, (2,)))) == [1, [2]]


def test_objects_are_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        pack({"a": object()})


def test_nothing_is_unpickled():
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        unpack(pack(np.array([None])))
