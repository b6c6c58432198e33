from ccm_tf.latency.operators import Operator, file_name


def test_names_tell_operators_apart():
    operators = [
        Operator("conv", 8, 8),
        Operator("conv", 8, 8, (3, 3)),
        Operator("conv", 8, 8, (3, 3), (2, 2)),
        Operator("conv", 8, 8, (3, 3), (2, 2), padding="valid"),
        Operator("conv", 8, 8, (3, 3), (1, 1), (2, 2)),
        Operator("depthwise", 8, 8, (3, 3)),
    ]
    assert len({operator.name for operator in operators}) == len(operators)
    assert file_name(operators[2], 3, 16) == "conv-8x8-k3x3-s2x2-same-i3-o16.tflite"


def test_output_sizes():
    assert Operator("conv", 7, 8, (3, 3), (2, 2)).output_size == (4, 4)
    assert Operator("conv", 7, 8, (3, 3), (2, 2), padding="valid").output_size == (3, 3)
    assert Operator("conv", 7, 7, (3, 3), (1, 1), (2, 2), "valid").output_size == (3, 3)
    assert Operator("pad", 7, 7, (3, 2)).output_size == (9, 8)
    assert Operator("mean", 7, 7).output_size == (1, 1)
    assert Operator("resize_bilinear", 7, 7, (9, 12)).output_size == (9, 12)
    assert Operator("tile", 7, 6, strides=(1, 3)).output_size == (7, 18)
    assert Operator("transposed", 4, 5, (3, 3), (2, 2)).output_size == (8, 10)
    assert Operator("transposed", 4, 5, (3, 2), (2, 2), padding="valid").output_size == (9, 10)


def test_weights():
    assert Operator("transposed", 4, 4, (3, 2)).weights(5, 7) == 5 * 7 * 6
    assert Operator("depthwise", 4, 4, (3, 3)).weights(5, 5) == 45
    assert Operator("dense").weights(5, 7) == 35
    assert Operator("tile", 4, 4, strides=(2, 1)).weights(5, 5) == 0
