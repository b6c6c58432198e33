import keras
import pytest

from ccm_tf.profile import profile
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite
from tasks.models import resnet, vgg16
from tests import reference_widths as reference
from tests import zoo


def thop(model):
    counted = profile(model, convention="thop")
    return counted.params, counted.macs


def test_baselines_of_the_reference_logs():
    assert thop(vgg16(10)) == reference.BASELINES["vgg16"]
    assert thop(resnet(56, 10)) == reference.BASELINES["resnet56"]
    assert thop(resnet(110, 10)) == reference.BASELINES["resnet110"]


def test_resnet50_baseline():
    """The bottleneck network of torchvision: no biases, stride on the 3x3 convolution."""
    assert thop(_resnet50()) == reference.BASELINES["resnet50"]


@pytest.mark.parametrize("energy", reference.VGG16)
def test_vgg16_rows_of_the_logs_through_plan_and_rewrite(energy):
    widths, params, macs = reference.VGG16[energy]
    model = vgg16(10)
    kept = {f"conv{i}": range(width) for i, width in enumerate(widths, 1)}
    assert thop(rewrite(model, PruningPlan.from_kept(model, kept))) == (params, macs)


def deep_rows_are_slow(rows):
    slow = pytest.mark.slow
    return [
        row if row[0] < 110 or row == (110, 0.7) else pytest.param(*row, marks=slow) for row in rows
    ]


@pytest.mark.parametrize(("depth", "energy"), deep_rows_are_slow(reference.RESNET))
def test_resnet_rows_of_the_logs_as_networks(depth, energy):
    outputs, mids, params, macs = reference.RESNET[depth, energy]
    assert thop(resnet(depth, 10, outputs=outputs, mids=mids)) == (params, macs)


@pytest.mark.parametrize(("depth", "energy"), deep_rows_are_slow(reference.RESNET_MIDS_ONLY))
def test_mids_only_counts_through_plan_and_rewrite(depth, energy):
    mids = reference.RESNET[depth, energy][1]
    blocks = len(mids) // 3
    model = resnet(depth, 10)
    kept = {
        f"stage{i // blocks + 1}_block{i % blocks + 1}_conv1": range(width)
        for i, width in enumerate(mids)
    }
    slim = rewrite(model, PruningPlan.from_kept(model, kept))
    assert thop(slim) == reference.RESNET_MIDS_ONLY[depth, energy]


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_totals_are_those_of_keras_and_of_the_rows(make):
    model = make()
    counted = profile(model)
    assert counted.params == model.count_params() == sum(r.params for r in counted.layers)
    assert counted.macs == sum(r.macs for r in counted.layers)
    assert counted.bytes == 4 * counted.params


def test_macs_by_hand():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, name="valid")(inputs)  # 6x6 pixels
    x = keras.layers.DepthwiseConv2D(3, padding="same", strides=2, name="depthwise")(x)  # 3x3
    x = keras.layers.SeparableConv2D(4, 3, padding="same", name="separable")(x)
    x = keras.layers.Conv2DTranspose(2, 2, strides=2, name="transposed")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(5, name="dense")(x))
    macs = {row.name: row.macs for row in profile(model).layers if row.macs}
    assert macs == {
        "valid": 36 * 9 * 3 * 6,
        "depthwise": 9 * 9 * 6,
        "separable": 9 * (9 * 6 + 6 * 4),
        "transposed": 9 * 4 * 4 * 2,
        "dense": 72 * 5,
    }


def test_grouped_convolutions_count_their_own_inputs_only():
    inputs = keras.Input((4, 4, 8))
    grouped = keras.Model(inputs, keras.layers.Conv2D(12, 3, groups=4, padding="same")(inputs))
    assert profile(grouped).macs == 16 * 9 * 2 * 12


def test_bytes_follow_the_dtype():
    inputs = keras.Input((4,), dtype="float16")
    model = keras.Model(inputs, keras.layers.Dense(3, dtype="float16")(inputs))
    assert profile(model).bytes == 2 * 15


def test_shared_weights_count_once_and_their_calls_each_time():
    rows = [row for row in profile(zoo.shared()).layers if row.name == "conv"]
    assert [bool(row.params) for row in rows] == [True, False, False]
    assert len({row.macs for row in rows}) == 1


def test_table():
    text = str(profile(zoo.chain()))
    assert text.splitlines()[0].split() == "layer kind output shape params MACs bytes".split()
    assert text.splitlines()[-1].split()[:2] == ["total", f"{zoo.chain().count_params():,}"]


def test_unknown_sizes_are_noted():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs))
    assert "unknown sizes of the input count as 1" in str(profile(model))


def test_kernels_without_a_count_are_noted():
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, keras.layers.RNN(keras.layers.LSTMCell(4), name="memory")(inputs))
    assert "no MACs are counted for: memory" in str(profile(model))


def test_unknown_convention():
    with pytest.raises(ValueError, match=r"one of \['eigendamage', 'keras', 'thop'\].*'flops'"):
        profile(zoo.chain(), convention="flops")


def _resnet50():
    layers = keras.layers

    def conv(x, filters, size, strides=1):
        if size > 1:
            x = layers.ZeroPadding2D(size // 2)(x)
        x = layers.Conv2D(filters, size, strides, use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input((224, 224, 3))
    x = layers.MaxPooling2D(3, 2, "same")(layers.ReLU()(conv(inputs, 64, 7, 2)))
    for stage, blocks in enumerate((3, 4, 6, 3)):
        mid = 64 * 2**stage
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            y = layers.ReLU()(conv(x, mid, 1))
            y = layers.ReLU()(conv(y, mid, 3, strides))
            y = conv(y, 4 * mid, 1)
            shortcut = x if block else conv(x, 4 * mid, 1, strides)
            x = layers.ReLU()(layers.Add()([shortcut, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1000)(x), name="resnet50")


def test_random_widths_cost_what_the_slim_model_costs():
    model = zoo.squeeze_excite()
    plan = zoo.random_plan(model, seed=4)
    slim = profile(rewrite(model, plan))
    kept = plan.counts["kept"]
    assert (slim.params, slim.macs) == (kept["params"], kept["macs"])
