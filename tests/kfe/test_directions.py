import numpy as np

from ccm_tf.kfe.directions import Directions, packed, unpacked


def test_objects_survive_being_taken_apart():
    table = {
        "a/strange name": Directions(np.eye(3), np.eye(2)),
        "b": Directions(np.eye(2), np.eye(2), np.ones((9, 2))),
    }
    arrays = packed("layers", table)
    assert set(arrays) >= {"layers/0/inputs", "layers/1/taps"} and "layers/0/taps" not in arrays
    again = unpacked("layers", list(table), arrays, Directions)
    assert list(again) == list(table) and again["a/strange name"].taps is None
    np.testing.assert_array_equal(again["b"].taps, np.ones((9, 2)))
