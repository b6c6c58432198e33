import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.recovery import AttentionTransfer, LogitsTransfer
from ccm_tf.recovery.pair import Pair


def test_each_transfer_sees_its_own_points(teacher, student):
    transfers = [
        LogitsTransfer(),
        AttentionTransfer(pairs=["b1_add"]),
        AttentionTransfer(pairs=["b2_out"]),
    ]
    pair = Pair(teacher, student, transfers)
    x = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    outputs = pair.run_student(x)
    seen = pair.student_seen(outputs)
    taught = pair.run_teacher(x)
    found = [pair.for_transfer(place, taught, seen) for place in range(3)]
    assert [len(t.maps) for t, _ in found] == [0, 1, 1]
    assert [p.name for _, s in found for p in s.points] == ["b1_add", "b2_out"]
    expected = teacher(x, training=False)
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (taught[0][0], expected)), 1e-5)


def test_the_student_trains_and_the_teacher_infers(teacher, student):
    pair = Pair(teacher, student, [AttentionTransfer()])
    moving = [m.get_layer("b1_bn1").moving_mean for m in (teacher, student)]
    before = [keras.ops.convert_to_numpy(v).copy() for v in moving]
    x = np.random.default_rng(0).random((4, 8, 8, 3)).astype("float32")
    pair.run_student(x)
    pair.run_teacher(x)
    same = [
        np.array_equal(a, keras.ops.convert_to_numpy(b))
        for a, b in zip(before, moving, strict=True)
    ]
    assert same == [True, False]


def test_evaluation_is_a_context(teacher, student):
    pair = Pair(teacher, student, [])
    with pair.evaluation():
        with pair.evaluation():
            assert pair.evaluating
        assert pair.evaluating
    assert not pair.evaluating


def other_classes():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, keras.layers.Dense(5)(x), name="other")


def test_other_class_counts_are_told(teacher):
    with pytest.raises(ValueError, match=r"same outputs.*\(3,\).*\(5,\)"):
        Pair(teacher, other_classes(), [])


def test_ccm_losses_are_not_lost_in_silence(teacher, student):
    watched = ccm_tf.Model.from_model(student)
    watched.add_loss(ccm_tf.CCMLoss(watched.get_layer("stem")))
    with pytest.raises(ValueError, match="CCM-losses"):
        Pair(teacher, watched, [AttentionTransfer()])
    Pair(teacher, watched, [LogitsTransfer()])
