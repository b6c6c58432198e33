import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.iterate import iterate
from ccm_tf.rounds import Stop
from tests import zoo


@pytest.fixture
def model():
    made = zoo.chain()
    zoo.randomise(made)
    return made


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


def test_rounds_prune_what_is_left_and_recover(model):
    before, seen = weights(model), []

    def recover(student, teacher, this):
        seen.append((this.number, student.count_params()))
        assert teacher is model

    result = iterate(model, "magnitude", [0.8, 0.5], recover=recover, verbose=0)
    macs = [one.macs / ccm_tf.profile(model).macs for one in result.rounds]
    assert 0.7 < macs[0] <= 0.8 and 0.4 < macs[1] <= 0.5
    assert [number for number, _ in seen] == [1, 2]
    assert seen[1][1] == result.model.count_params() == result.rounds[1].params
    for a, b in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_recovery_statistics_are_new_if_there_is_data(model):
    data = zoo.inputs_for(model, batch=8)
    result = iterate(model, "magnitude", [0.6], data, verbose=0)
    plain = iterate(model, "magnitude", [0.6], verbose=0)
    means = [one.model.get_layer("bn1").moving_mean for one in (result, plain)]
    assert not np.allclose(*map(keras.ops.convert_to_numpy, means))


def test_what_recovery_returns_goes_on(model):
    def recover(student, teacher, this):
        other = keras.models.clone_model(student)
        other.set_weights([w * 0 for w in student.get_weights()])
        return other

    result = iterate(model, "random", [0.8], recover=recover, verbose=0)
    assert not any(w.any() for w in weights(result.model))


def test_too_large_a_drop_keeps_the_student_before(model):
    scores = iter([0.9, 0.88, 0.7])
    result = iterate(
        model,
        "magnitude",
        [0.9, 0.7, 0.5],
        evaluate=lambda model: next(scores),
        stop=Stop(max_drop=0.05),
        verbose=0,
    )
    assert [one.accepted for one in result.rounds] == [True, False]
    assert result.model.count_params() == result.rounds[0].params
    assert result.dense_score == 0.9 and "more than allowed" in result.reason
    assert "0.8800" in str(result) and "no" in str(result)


def test_a_first_round_that_loses_too_much_keeps_the_model(model):
    scores = iter([0.9, 0.1])
    stop = Stop(max_drop=0.05)
    result = iterate(
        model, "magnitude", [0.5], evaluate=lambda m: next(scores), stop=stop, verbose=0
    )
    assert result.model is model


def test_met_targets_end_it(model):
    result = iterate(model, "magnitude", [0.8, 0.5, 0.4], stop=Stop(macs=0.6), verbose=0)
    assert len(result.rounds) == 2 and "60 % of MACs is met" in result.reason


def test_nothing_to_prune_ends_it(model):
    result = iterate(model, "magnitude", [0.5, 0.5, 0.5], verbose=0)
    assert len(result.rounds) == 1 and "nothing to prune" in result.reason


def test_any_planner_will_do(model):
    def planner(student, data, **target):
        return ccm_tf.PruningPlan.from_kept(student, {"conv1": range(target["width"])})

    result = iterate(model, planner, [{"width": 5}, {"width": 3}], verbose=0)
    assert result.model.get_layer("conv1").filters == 3


def test_a_killed_iteration_goes_on(model, tmp_path):
    def killed(student, teacher, this):
        if this.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        iterate(model, "magnitude", [0.8, 0.6, 0.3], recover=killed, folder=tmp_path, verbose=0)
    done = []

    def recover(student, teacher, this):
        done.append((this.number, this.folder))

    result = iterate(
        model, "magnitude", [0.8, 0.6, 0.3], recover=recover, folder=tmp_path, verbose=0
    )
    assert done == [(2, tmp_path), (3, tmp_path)]
    straight = iterate(model, "magnitude", [0.8, 0.6, 0.3], recover=recover, verbose=0)
    assert [r.params for r in result.rounds] == [r.params for r in straight.rounds]
    for a, b in zip(weights(result.model), weights(straight.model), strict=True):
        np.testing.assert_array_equal(a, b)
    again = iterate(model, "magnitude", [0.8, 0.6, 0.3], folder=tmp_path, verbose=0)
    assert again.rounds == result.rounds
    assert (tmp_path / "round-03-plan.json").exists()
    # All rounds together are one plan for the dense model.
    whole = ccm_tf.rewrite(model, again.plan)
    assert whole.count_params() == result.model.count_params()
    for a, b in zip(weights(whole), weights(result.model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_dense_score_is_asked_once(model, tmp_path):
    asked = []

    def evaluate(model):
        asked.append(model.count_params())
        return 1.0

    for _ in range(2):
        iterate(model, "magnitude", [0.8], evaluate=evaluate, folder=tmp_path, verbose=0)
    assert asked == [model.count_params(), asked[1]]


def test_another_iterations_folder_is_refused(model, tmp_path):
    iterate(model, "magnitude", [0.8], folder=tmp_path, verbose=0)
    with pytest.raises(ValueError, match="another iteration: its criterion"):
        iterate(model, "random", [0.8], folder=tmp_path, verbose=0)
    with pytest.raises(ValueError, match="another iteration: its targets"):
        iterate(model, "magnitude", [0.7], folder=tmp_path, verbose=0)


def test_lines_for_the_reader(model, capsys):
    iterate(model, "magnitude", [0.8], evaluate=lambda model: 0.5)
    assert "Round 1:" in capsys.readouterr().out


def test_a_rule_without_scores_is_told_before_work(model):
    with pytest.raises(ValueError, match="pass `evaluate` too"):
        iterate(model, "no such criterion", [0.5], stop=Stop(max_drop=0.1))


def test_a_detector_of_two_outputs_gets_smaller_and_keeps_its_sight():
    """Where a bright square is, and how large: generated shapes, a mask and a number."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 0.1, (96, 8, 8, 1)).astype("float32")
    masks = np.zeros((96, 8, 8), "int32")
    sizes = rng.integers(2, 6, 96)
    for image, mask, size in zip(images, masks, sizes, strict=True):
        row, column = rng.integers(0, 9 - size, 2)
        image[row : row + size, column : column + size] += 1
        mask[row : row + size, column : column + size] = 1
    answers = {"mask": masks, "area": (sizes**2 / 25.0).astype("float32")[:, None]}
    losses = {
        "mask": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "area": "mean_squared_error",
    }

    def trained(model, epochs):
        model.compile(keras.optimizers.Adam(0.02), losses)
        model.fit(images, answers, batch_size=32, epochs=epochs, verbose=0)

    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(12, 3, padding="same", activation="relu", name="one")(inputs)
    x = keras.layers.Conv2D(12, 3, padding="same", activation="relu", name="two")(x)
    area = keras.layers.Dense(1, name="area")(keras.layers.GlobalAveragePooling2D()(x))
    dense = keras.Model(inputs, {"mask": keras.layers.Conv2D(2, 1, name="mask")(x), "area": area})
    trained(dense, 12)

    def recover(student, teacher, this):
        transfers = [ccm_tf.recovery.AttentionTransfer(5.0, pairs=["one", "two"])]
        trained(ccm_tf.recovery.Distiller(teacher, student, transfers, 1.0), 6)

    def score(model):
        return float(np.mean(model.predict(images, verbose=0)["mask"].argmax(-1) == masks))

    result = iterate(dense, "magnitude", [0.6, 0.3], recover=recover, evaluate=score, verbose=0)
    assert result.dense_score > 0.95
    assert result.rounds[-1].macs <= 0.3 * ccm_tf.profile(dense).macs
    assert result.rounds[-1].score > result.dense_score - 0.03
