"""What holds for every way of letting channels leave little by little."""

import warnings

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.callbacks import DirectionalPruning, GrowingRegularization, ProbabilisticPruning
from ccm_tf.gradual.zeros import masked_plan, strip_pruning
from ccm_tf.schedules import ConstantSparsity, EveryNEpochs, PCAEnergy, PolynomialDecay
from tests.callbacks.examples import X, compiled, fit

# Nine prunings, in the steps 2, 4, ..., 18; five epochs are 20 steps.
SCHEDULE = ConstantSparsity(0.5, 2, 18, frequency=2)


def greg(schedule=SCHEDULE, **options):
    return GrowingRegularization("magnitude", schedule, **{"growth": 0.125, **options})


def greg2(schedule=SCHEDULE, **options):
    return greg(schedule, pick_after=2, **options)


def increg(schedule=SCHEDULE, **options):
    return greg(schedule, rule="ranks", **{"growth": 0.5, **options})


def spp(schedule=SCHEDULE, **options):
    return ProbabilisticPruning("magnitude", schedule, **{"growth": 0.3, **options})


def directional(schedule=SCHEDULE, **options):
    return DirectionalPruning("magnitude", schedule, **{"strength": 0.3, **options})


WAYS = {
    "greg": greg,
    "greg-2": greg2,
    "increg": increg,
    "spp": spp,
    "directional": directional,
}
PRESSURED = [name for name in WAYS if name != "directional"]


@pytest.fixture(autouse=True)
def haste():
    """These trainings are too short for all channels to go in their own time."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*channels are removed in step")
        yield


@pytest.mark.parametrize("way", WAYS)
def test_channels_leave_late_and_the_model_ends_where_the_schedule_says(way):
    model = compiled(keras.optimizers.SGD(0.1, momentum=0.9))
    pruning = WAYS[way]()
    kept = fit(model, pruning, epochs=6).history["kept_macs"]
    assert [entry["step"] for entry in pruning.history] == list(range(2, 19, 2))
    assert pruning.history[0]["kept_macs"] == 1 and kept == sorted(kept, reverse=True)
    assert 0.35 < kept[-1] <= 0.5
    assert masked_plan(model).kept == pruning.plan().kept
    slim = strip_pruning(model)
    np.testing.assert_allclose(slim.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-5)
    assert ccm_tf.profile(slim).macs == pytest.approx(kept[-1] * ccm_tf.profile(model).macs)


@pytest.mark.parametrize("way", WAYS)
def test_the_masked_model_is_saved_as_any_other(way, tmp_path):
    model = compiled()
    fit(model, WAYS[way](), epochs=5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert masked_plan(again).kept == masked_plan(model).kept
    before = again.get_weights()
    fit(again, epochs=1)
    assert any(not np.array_equal(a, b) for a, b in zip(before, again.get_weights(), strict=True))


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("way", WAYS)
def test_under_a_strategy(way, two_replicas):
    with two_replicas.scope():
        model = compiled(keras.optimizers.SGD(0.1, momentum=0.9), jit_compile=False)
    pruning = WAYS[way]()
    assert fit(model, pruning, epochs=5).history["kept_macs"][-1] <= 0.5
    assert masked_plan(model).kept == pruning.plan().kept


@pytest.mark.parametrize(
    "way",
    [
        "greg",
        "spp",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("greg-2", "increg", "directional")),
    ],
)
def test_a_killed_training_goes_on_as_if_nothing_had_happened(way, tmp_path):
    def run(folder, epochs):
        keras.utils.set_random_seed(0)
        keras.utils.clear_session(free_memory=False)
        (tmp_path / folder).mkdir(exist_ok=True)
        model = compiled(keras.optimizers.SGD(0.1, momentum=0.9))
        backup = keras.callbacks.BackupAndRestore(
            tmp_path / folder / "backup", delete_checkpoint=False
        )
        pruning = WAYS[way](state=tmp_path / folder / "pruning.npz")
        fit(model, pruning, backup, epochs=epochs)
        return model, pruning

    straight, expected = run("straight", 5)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The schedule prunes up to")
        run("killed", 2)
    resumed, pruning = run("killed", 5)
    assert pruning.plan().kept == expected.plan().kept
    for ours, theirs in zip(resumed.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    "way",
    ["increg", *(pytest.param(n, marks=pytest.mark.slow) for n in ("greg", "spp", "directional"))],
)
def test_compaction_goes_on_without_a_jump(way):
    schedule = PolynomialDecay(0.1, 0.6, 2, 18, frequency=2)
    losses, sizes = [], []
    for every in (None, 1):
        keras.utils.set_random_seed(3)
        model = compiled(keras.optimizers.SGD(0.1, momentum=0.9))
        options = {} if way == "directional" else {"growth": 0.9}
        pruning = WAYS[way](schedule, compact_every=every, **options)
        history = fit(model, pruning, epochs=6).history
        losses.append((history["loss"], history["kept_macs"]))
        sizes.append(model.count_params())
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-4)
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("way", PRESSURED)
def test_a_schedule_of_channels_is_met_too(way):
    model = compiled()
    pruning = WAYS[way](EveryNEpochs(every=1, channels=2, until=3))
    fit(model, pruning, epochs=4)
    assert pruning.history[-1]["kept_channels"] * 11 == pytest.approx(5)


def test_it_warns_of_a_schedule_that_ends_too_early():
    pruning = greg(ConstantSparsity(0.5, 2, 6, frequency=2))
    with pytest.warns(UserWarning, match="are removed in step 6 with less than half"):
        fit(compiled(), pruning, epochs=2)
    assert pruning.history[-1]["kept_macs"] <= 0.5


def test_pressure_is_felt_on_the_way_only():
    pruning = greg()
    pressures = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: pressures.append(pruning.pressure.max())
    )
    fit(compiled(), pruning, watch, epochs=5)
    np.testing.assert_allclose(pressures, [0.125, 0.375, 0.625, 0.875, 0], atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "schedule, options, message",
    [
        (ConstantSparsity(0.5, 0), {}, "need a schedule with an end"),
        (PCAEnergy(1.0, 0.9, 0, 8), {}, "An energy says which"),
        (SCHEDULE, {"regrow": True}, "Leave out `regrow`"),
        (SCHEDULE, {"ratios": {}}, "Unknown arguments"),
    ],
    ids=["endless", "energy", "regrow", "unknown"],
)
def test_arguments_are_checked(way, schedule, options, message):
    with pytest.raises(ValueError, match=message):
        WAYS[way](schedule, **options)
