import numpy as np
import pytest

from ccm_tf.gradual.state_file import StateFile


def test_the_last_two_states_are_kept(tmp_path):
    path = tmp_path / "state.npz"
    file = StateFile(path)
    assert file.steps == [] and file.read(4) is None
    for step in (4, 8, 12):
        file.write(step, {"a b/c": np.array([step, 1]), "flag": np.array(True)})
    again = StateFile(path)
    assert again.steps == [8, 12] and again.read(4) is None
    np.testing.assert_array_equal(again.read(8)["a b/c"], [8, 1])
    assert again.read(12)["flag"].dtype == bool
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


def test_a_step_done_again_takes_the_place_of_later_ones(tmp_path):
    file = StateFile(tmp_path / "state.npz")
    for step in (4, 8, 4):
        file.write(step, {"a": np.array(step)})
    assert StateFile(file.path).steps == [4]


def test_what_is_written_later_does_not_change_what_was(tmp_path):
    array = np.zeros(2)
    file = StateFile(tmp_path / "state.npz")
    file.write(1, {"a": array})
    array[:] = 1
    file.write(2, {"a": array})
    np.testing.assert_array_equal(StateFile(file.path).read(1)["a"], [0, 0])


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must be an '.npz' file"):
        StateFile(tmp_path / "state.json")
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    (tmp_path / "text.npz").write_text("no zip")
    for name in ("other.npz", "text.npz"):
        with pytest.raises(ValueError, match="no file that a pruning wrote"):
            StateFile(tmp_path / name)
