import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.round_files import RunFolder
from ccm_tf.rounds import Round
from tests import zoo

SETTINGS = {"criterion": "magnitude", "targets": [{"macs": 0.5}]}


@pytest.fixture
def model():
    return zoo.chain()


def rounds(model, count, rejected=()):
    for number in range(1, count + 1):
        plan = ccm_tf.PruningPlan.from_kept(model, {"conv1": range(6 - number)})
        slim = ccm_tf.rewrite(model, plan)
        accepted = number not in rejected
        yield Round(number, {}, slim.count_params(), 1, accepted=accepted), plan, slim


def test_what_was_kept_comes_back(model, tmp_path):
    run = RunFolder(model, tmp_path, SETTINGS)
    assert run.resume() == (None, [], [])
    for this, plan, slim in rounds(model, 3, rejected=[3]):
        run.save(this, plan, slim)
    student, found, plans = RunFolder(model, tmp_path, SETTINGS).resume()
    assert [one.number for one in found] == [1, 2, 3]
    assert student.get_layer("conv1").filters == 4
    assert [plan.kept["conv1"] for plan in plans] == [[0, 1, 2, 3, 4], [0, 1, 2, 3]]


def test_a_round_without_its_last_file_is_not_done(model, tmp_path):
    run = RunFolder(model, tmp_path, SETTINGS)
    for this, plan, slim in rounds(model, 2):
        run.save(this, plan, slim)
    (tmp_path / "round-02.json").unlink()
    assert len(run.resume()[1]) == 1


def test_without_a_folder_nothing_is_written(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunFolder(model, None, SETTINGS)
    for this, plan, slim in rounds(model, 1):
        run.save(this, plan, slim)
    assert run.resume() == (None, [], []) and not list(tmp_path.iterdir())


def test_the_dense_model_is_scored_once(model, tmp_path):
    scores = iter([0.5, 0.7])
    for _ in range(2):
        assert RunFolder(model, tmp_path, SETTINGS).dense_score(lambda m: next(scores)) == 0.5
    assert RunFolder(model, tmp_path, SETTINGS).dense_score(None) is None


@pytest.mark.parametrize("change", [{"criterion": "pca"}, {"targets": []}])
def test_another_iteration_is_named(model, tmp_path, change):
    RunFolder(model, tmp_path, SETTINGS)
    with pytest.raises(ValueError, match=f"its {next(iter(change))} is"):
        RunFolder(model, tmp_path, {**SETTINGS, **change})


def test_another_model_is_named(model, tmp_path):
    RunFolder(model, tmp_path, SETTINGS)
    with pytest.raises(ValueError, match="fingerprint"):
        RunFolder(zoo.residual(), tmp_path, SETTINGS)


def test_students_are_whole(model, tmp_path):
    run = RunFolder(model, tmp_path, SETTINGS)
    ((this, plan, slim),) = rounds(model, 1)
    run.save(this, plan, slim)
    x = np.ones((1, 8, 8, 3), "float32")
    loaded = run.resume()[0]
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(m(x)) for m in (slim, loaded)))
