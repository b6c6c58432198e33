import importlib.util
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.callbacks import GradualPruning
from ccm_tf.criteria.random import Random
from ccm_tf.distribute import Strategy, TensorFlowStrategy
from ccm_tf.gradual.zeros import masked_plan, strip_pruning
from ccm_tf.graph import ChannelGraph
from ccm_tf.schedules import ConstantSparsity, EveryNEpochs, PCAEnergy, PolynomialDecay
from tests import zoo
from tests.callbacks.examples import X, Y, compiled, fit, network
from tests.workers import in_turn

SCHEDULE = PolynomialDecay(0.2, 0.6, 2, 8, frequency=2)


class Watch(keras.callbacks.Callback):
    """After every batch: what is masked is exactly zero, and stays so."""

    def __init__(self, pruning):
        super().__init__()
        self.pruning = pruning
        self.widths = []

    def on_train_batch_end(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        masks = self.pruning.masks
        plan = masked_plan(self.model)
        assert plan.kept == self.pruning.plan().kept
        self.widths.append(np.count_nonzero(masks.alive))


OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(
        0.1, momentum=0.9, nesterov=True, weight_decay=0.01, clipnorm=1.0
    ),
    "adam": lambda: keras.optimizers.Adam(0.05, amsgrad=True),
    "adamw": lambda: keras.optimizers.AdamW(0.05, weight_decay=0.1),
    "ema": lambda: keras.optimizers.SGD(
        0.1, momentum=0.9, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=None
    ),
    "ema overwriting": lambda: keras.optimizers.Adam(
        0.05, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2
    ),
}


QUICK = ("momentum", "ema overwriting")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in OPTIMIZERS]
)
def test_masked_slices_stay_at_zero(name):
    model = compiled(OPTIMIZERS[name]())
    pruning = GradualPruning("magnitude", SCHEDULE)
    watch = Watch(pruning)
    history = fit(model, pruning, watch).history
    assert np.all(np.diff(watch.widths) <= 0) and watch.widths[-1] < watch.widths[0]
    assert [entry["step"] for entry in pruning.history] == [2, 4, 6, 8]
    assert history["kept_macs"][-1] == pruning.history[-1]["kept_macs"] <= 0.4
    # Also after Keras has put averages in the place of the weights.
    assert masked_plan(model).kept == pruning.plan().kept
    slim = strip_pruning(model)
    np.testing.assert_allclose(slim.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-5)
    assert slim.count_params() < model.count_params()


@pytest.mark.slow
@pytest.mark.tensorflow
def test_with_jit_and_several_steps_per_execution():
    model = compiled("adam", jit_compile=True, steps_per_execution=2)
    pruning = GradualPruning("magnitude", SCHEDULE)
    fit(model, pruning, Watch(pruning))
    assert pruning.history[-1]["kept_macs"] <= 0.4


@pytest.mark.tensorflow
def test_under_a_strategy(two_replicas):
    with two_replicas.scope():
        model = compiled(keras.optimizers.SGD(0.1, momentum=0.9), jit_compile=False)
    pruning = GradualPruning("pca", SCHEDULE, X)
    fit(model, pruning, Watch(pruning))
    assert pruning.history[-1]["kept_macs"] <= 0.4


def test_the_masks_stay_in_the_next_fit_without_the_callback():
    model = compiled()
    pruning = GradualPruning("magnitude", ConstantSparsity(0.5, 0))
    fit(model, pruning, epochs=1)
    fit(model, epochs=1)
    assert masked_plan(model).kept == pruning.plan().kept


def test_other_constraints_stay():
    model = network()
    model.get_layer("b").kernel.constraint = keras.constraints.MaxNorm(0.1, axis=(0, 1, 2))
    compiled_model = compiled(make=lambda: model)
    for _ in range(2):
        fit(compiled_model, GradualPruning("magnitude", ConstantSparsity(0.3, 0)), epochs=1)
    kernel = keras.ops.convert_to_numpy(model.get_layer("b").kernel)
    assert np.sqrt(np.sum(kernel**2, axis=(0, 1, 2))).max() < 0.1001


def test_pruning_in_step_0_comes_before_any_training():
    model = compiled()
    plan = ccm_tf.plan(model, "magnitude", macs=0.5)
    pruning = GradualPruning("magnitude", ConstantSparsity(0.5, 0, frequency=10**6))
    fit(model, pruning, epochs=1)
    assert pruning.plan().kept == plan.kept


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("weights", "model")]


@pytest.mark.parametrize("kind", ["backup", *SLOW])
def test_training_resumes_with_the_masks(kind, tmp_path):
    straight = compiled()
    pruning = GradualPruning("magnitude", SCHEDULE)
    fit(straight, pruning)

    class Killed(Exception):
        pass

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise Killed

    keras.utils.set_random_seed(0)
    save = {
        "backup": lambda: keras.callbacks.BackupAndRestore(tmp_path / "backup"),
        "weights": lambda: keras.callbacks.ModelCheckpoint(
            tmp_path / "x.weights.h5", save_weights_only=True
        ),
        "model": lambda: keras.callbacks.ModelCheckpoint(tmp_path / "x.keras"),
    }[kind]
    model = compiled()
    model.set_weights(straight_weights())
    with pytest.raises(Killed):
        fit(model, GradualPruning("magnitude", SCHEDULE), save(), Kill())
    again = compiled()
    resumed = GradualPruning("magnitude", SCHEDULE)
    if kind == "backup":
        fit(again, resumed, save())
    else:
        if kind == "model":
            again = keras.models.load_model(tmp_path / "x.keras")
        else:
            again.optimizer.build(again.trainable_variables)
            again.load_weights(tmp_path / "x.weights.h5")
        fit(again, resumed, initial_epoch=2)
    assert resumed.plan().kept == pruning.plan().kept
    for ours, theirs in zip(again.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def straight_weights():
    """What `network` starts with under the seed that every test has."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    weights = network().get_weights()
    keras.utils.clear_session(free_memory=False)
    return weights


@pytest.mark.parametrize("name", ["momentum", pytest.param("adam", marks=pytest.mark.slow)])
def test_compaction_goes_on_without_a_jump(name):
    losses, models = [], []
    for every in (None, 1):
        keras.utils.set_random_seed(3)
        model = compiled(OPTIMIZERS[name](), metrics=["accuracy"])
        pruning = GradualPruning("magnitude", SCHEDULE, compact_every=every)
        history = fit(model, pruning, epochs=4, validation_data=(X, Y)).history
        losses.append((history["loss"], history["val_loss"], history["kept_macs"]))
        models.append(model)
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-4)
    masked, compact = models
    assert compact.count_params() == strip_pruning(masked).count_params() < masked.count_params()
    np.testing.assert_allclose(
        compact.predict(X, verbose=0), masked.predict(X, verbose=0), atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.tensorflow
def test_compaction_under_a_strategy(two_replicas):
    losses, sizes = [], []
    for every in (None, 1):
        keras.utils.set_random_seed(3)
        with two_replicas.scope():
            model = compiled(keras.optimizers.SGD(0.1, momentum=0.9), jit_compile=False)
        pruning = GradualPruning("magnitude", SCHEDULE, compact_every=every)
        losses.append(fit(model, pruning, epochs=4).history["loss"])
        sizes.append(model.count_params())
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-4)
    assert sizes[1] < sizes[0]


@pytest.mark.slow
@pytest.mark.tensorflow
def test_compaction_under_the_trainer_of_several_workers(two_replicas):
    strategy = TensorFlowStrategy(two_replicas, name="multi_worker")
    found, sizes = [], []
    for every in (None, 1):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            model = compiled(keras.optimizers.SGD(0.1, momentum=0.9), jit_compile=False)
        pruning = GradualPruning("pca", SCHEDULE, X, compact_every=every, strategy=strategy)
        history = strategy.fit(
            model, X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[pruning],
            validation_data=(X[:8], Y[:8]),
        ).history  # fmt: skip
        found.append([history["loss"], history["val_loss"]])
        sizes.append(model.count_params())
        # What is reported of a model is about the model as it is now.
        logits = keras.ops.convert_to_numpy(model(X[:8]))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(Y[:8], logits)
        assert history["val_loss"][-1] == pytest.approx(float(loss), rel=1e-4)
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
    assert sizes[1] < sizes[0]


def test_several_workers_mask_alike():
    class Worker(Strategy):
        def __init__(self, index, gather):
            super().__init__(2, 2, index)
            self.gather = gather

    def work(index, gather):
        keras.utils.set_random_seed(3)
        model = compiled(keras.optimizers.SGD(0.1))
        model.optimizer.build(model.trainable_variables)
        # Left to themselves they would choose other channels.
        pruning = GradualPruning(
            Random(seed=index), ConstantSparsity(0.5, 0), strategy=Worker(index, gather)
        )
        pruning.set_model(model)
        pruning.set_params({"epochs": 1, "steps": 4})
        pruning.on_train_begin()
        pruning.on_epoch_begin(0)
        pruning.on_train_batch_begin(0)
        return pruning.masks.alive

    one, other = in_turn(2, work)
    np.testing.assert_array_equal(one, other)
    assert not one.all()


def test_channels_regrow_if_asked():
    left = {}
    for regrow in (False, True):
        keras.utils.set_random_seed(3)
        model = compiled(keras.optimizers.SGD(1.0))
        pruning = GradualPruning(
            "random", ConstantSparsity(0.5, 0, frequency=4), target="channels", regrow=regrow
        )
        seen = []

        class Note(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None, seen=seen, pruning=pruning):
                seen.append(pruning.masks.alive.copy())
                pruning.criterion.seed += 1

        fit(model, pruning, Note(), epochs=4)
        left[regrow] = seen
    assert all(np.array_equal(left[False][0], alive) for alive in left[False])
    came_back = [~a & b for a, b in zip(left[True][:-1], left[True][1:], strict=True)]
    assert np.any(came_back)


def test_what_may_regrow_survives_a_kill(tmp_path):
    def pruning(folder):
        schedule = ConstantSparsity(0.5, 0, 12, frequency=4)
        state = tmp_path / folder / "regrow.npz"
        return GradualPruning("magnitude", schedule, regrow=True, target="channels", state=state)

    def run(folder, epochs, **options):
        keras.utils.set_random_seed(0)
        (tmp_path / folder).mkdir(exist_ok=True)
        model = compiled(keras.optimizers.SGD(1.0))
        model.set_weights(straight_weights())
        backup = keras.callbacks.BackupAndRestore(
            tmp_path / folder / "backup", delete_checkpoint=False
        )
        fit(model, pruning(folder), backup, epochs=epochs, **options)
        return model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The first half ends before the schedule.
        straight = run("straight", 4)
        run("killed", 2)
    resumed = run("killed", 4)
    for ours, theirs in zip(resumed.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_labels_are_looked_at_before_any_training():
    schedule = EveryNEpochs(every=1, channels=1, until=2)
    model = compiled()
    wrong = np.where(Y == 2, 3, Y)
    for criterion in ("relevance", "taylor"):
        with pytest.raises(ValueError, match="classes from 0 to 2"):
            fit(model, GradualPruning(criterion, schedule, (X, wrong)))
    with pytest.warns(UserWarning, match="1 of 3 classes are absent from the data.*: 2"):
        fit(model, GradualPruning("relevance", schedule, (X[Y < 2], Y[Y < 2])), epochs=0)
    assert int(model.optimizer.iterations) == 0


def test_a_model_with_nothing_to_remove_is_refused():
    inputs = keras.Input((6, 6, 2))
    flat = keras.layers.GlobalAveragePooling2D()(inputs)
    model = compiled(make=lambda: keras.Model(inputs, keras.layers.Dense(3)(flat)))
    with pytest.raises(ValueError, match="no channel that could be removed"):
        fit(model, GradualPruning("magnitude", SCHEDULE))


def test_frs_schedule_removes_exactly_so_many():
    model = compiled()
    pruning = GradualPruning("magnitude", EveryNEpochs(every=1, channels=2, until=3))
    fit(model, pruning, epochs=5)
    units = 11
    assert [entry["epoch"] for entry in pruning.history] == [1, 2, 3]
    kept = [entry["kept_channels"] * units for entry in pruning.history]
    np.testing.assert_allclose(kept, [9, 7, 5])


def test_energy_schedule_follows_the_data():
    model = compiled()
    pruning = GradualPruning("pca", PCAEnergy(0.999, 0.6, 0, 8, frequency=4), X)
    fit(model, pruning)
    kept = [entry["kept_channels"] for entry in pruning.history]
    assert kept == sorted(kept, reverse=True) and kept[-1] < 1


def test_a_schedule_by_tfmot_is_called_like_ours():
    class Theirs:
        begin_step, end_step, frequency = 2, 8, 2

        def __call__(self, step):
            due, sparsity = SCHEDULE(step)
            return keras.ops.convert_to_tensor(due), keras.ops.convert_to_tensor(sparsity)

        def get_config(self):
            return {}

    plans = []
    for schedule in (SCHEDULE, Theirs()):
        keras.utils.set_random_seed(1)
        pruning = GradualPruning("magnitude", schedule)
        fit(compiled(), pruning)
        plans.append(pruning.plan().kept)
    assert plans[0] == plans[1]


WITH_TFMOT = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
import tensorflow_model_optimization as tfmot
import ccm_tf
theirs = tfmot.sparsity.keras
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
for schedule in (theirs.ConstantSparsity(0.5, 2, frequency=3),
                 theirs.PolynomialDecay(0.2, 0.5, 0, 6, frequency=2)):
    layers = [keras.layers.Dense(12), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "mse")
    pruning = ccm_tf.callbacks.GradualPruning("magnitude", schedule)
    model.fit(x, np.zeros((32, 2)), batch_size=4, verbose=0, callbacks=[pruning])
    print([entry["step"] for entry in pruning.history], len(pruning.plan().kept["dense"]))
    keras.utils.clear_session()
"""


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None, reason="needs tfmot"
)
def test_schedules_of_the_real_tfmot():
    done = subprocess.run([sys.executable, "-c", WITH_TFMOT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[2, 5] 6", "[0, 2, 4, 6] 6"]


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        (("magnitude", 0.5), {}, "Expected a schedule"),
        (("nothing", SCHEDULE), {}, "Unknown criterion"),
        (("pca", SCHEDULE), {}, "needs data"),
        (("taylor", SCHEDULE, X), {}, "Labels are needed"),
        (("pca", SCHEDULE, iter([X])), {}, "a generator, which can be read once"),
        (("magnitude", SCHEDULE), {"target": "energy"}, "`target` must be one of"),
        (("magnitude", SCHEDULE), {"scope": "all"}, "`scope` must be"),
        (("magnitude", SCHEDULE), {"compact_every": 0}, "`compact_every` must be"),
        (("magnitude", SCHEDULE), {"compact_every": 1, "regrow": True}, "cannot regrow"),
        (("magnitude", SCHEDULE), {"ratios": {}}, "Unknown arguments"),
        (("magnitude", SCHEDULE), {"max_ratio": 2}, "`max_ratio` must be"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arguments_are_checked(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        GradualPruning(*arguments, **options)


def test_an_end_out_of_reach_is_refused_before_training():
    model = compiled()
    schedule = PolynomialDecay(0.0, 0.99, 0, 8, frequency=2)
    with pytest.raises(ValueError, match="No plan meets"):
        fit(model, GradualPruning("magnitude", schedule, max_ratio=0.5))
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    "schedule, message",
    [
        (PolynomialDecay(0.0, 0.5, 0, 99, frequency=1), "ends after 4 steps"),
        (EveryNEpochs(1, 1, 3), "training ends with epoch 1"),
    ],
)
def test_a_schedule_longer_than_training_warns(schedule, message):
    with pytest.warns(UserWarning, match=message):
        fit(compiled(), GradualPruning("magnitude", schedule), epochs=1)


def test_a_schedule_that_asks_for_less_than_there_is_warns():
    dense = zoo.randomise(network())
    masked = ccm_tf.mask(dense, ccm_tf.plan(dense, "magnitude", macs=0.4))
    model = compiled(make=lambda: masked)
    pruning = GradualPruning("magnitude", ConstantSparsity(0.1, 0, frequency=2))
    with pytest.warns(UserWarning, match="masked already"):
        fit(model, pruning, epochs=1)
    assert pruning.plan().kept == masked_plan(masked).kept


def test_no_plan_before_fit():
    with pytest.raises(ValueError, match="no masks before"):
        GradualPruning("magnitude", SCHEDULE).plan()


def test_a_model_of_another_class_is_not_compacted():
    model = compiled(make=lambda: ccm_tf.Model.from_model(network()))
    with pytest.raises(ValueError, match="is a Model"):
        fit(model, GradualPruning("magnitude", SCHEDULE, compact_every=1))


def test_limits_count_from_the_dense_model():
    model = compiled()
    pruning = GradualPruning(
        "magnitude", ConstantSparsity(0.35, 0, frequency=2), target="channels", max_ratio=0.5
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(model, pruning)
    kept = pruning.plan().kept
    assert len(kept["a"]) >= 3 and len(kept["b"]) >= 3
    assert ChannelGraph(model).fingerprint == pruning.plan().fingerprint
