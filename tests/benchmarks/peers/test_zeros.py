import numpy as np
import pytest

from benchmarks.peers import network, zeros
from tasks import models


@pytest.fixture(scope="module")
def dense():
    return models.resnet(8, 3, width=0.25)


def test_the_smallest_weights_of_every_kernel_become_zero(dense):
    sparse = zeros.with_zeros(dense, 0.75)
    before, after = network.arrays_of(dense), network.arrays_of(sparse)
    for name, array in after.items():
        if name.endswith("/kernel"):
            gone = array == 0
            assert gone.sum() == round(0.75 * array.size)
            assert np.abs(before[name][gone]).max() <= np.abs(array[~gone]).min()
            np.testing.assert_array_equal(array[~gone], before[name][~gone])
        else:
            np.testing.assert_array_equal(array, before[name])
    assert network.share_of_zeros(sparse) == pytest.approx(0.75, abs=0.01)
    assert network.share_of_zeros(dense) == 0


def test_as_many_weights_stay_as_with_fewer_channels(dense):
    slim = models.resnet(8, 3, width=0.125)
    sparsity = zeros.sparsity_like(slim, dense)
    left = zeros.kernel_weights(dense) * (1 - sparsity)
    assert left == pytest.approx(zeros.kernel_weights(slim))
    # Stem, six convolutions of 4, 8, 8, 16, 16 … channels, and the logits.
    kernels = 9 * (3 * 4 + 2 * 4 * 4 + 4 * 8 + 8 * 8 + 8 * 16 + 16 * 16) + 16 * 3
    assert zeros.kernel_weights(dense) == kernels


@pytest.mark.tensorflow
def test_files_are_measured_in_turns(tmp_path, dense):
    paths = {"dense": tmp_path / "a.keras", "zeros": tmp_path / "b.keras"}
    network.save(dense, paths["dense"])
    network.save(zeros.with_zeros(dense, 0.9), paths["zeros"])
    found = zeros.files(paths, tmp_path / "litert", runs=1)
    assert set(found) == set(paths)
    # Zeros take as much room as other numbers, until the file is compressed.
    assert found["zeros"]["bytes"] == found["dense"]["bytes"]
    assert found["zeros"]["gzip_bytes"] < found["dense"]["gzip_bytes"] < found["dense"]["bytes"]
    assert all(file["median_ms"] > 0 for file in found.values())


def test_a_program_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(zeros.sys, "executable", "false")
    job = zeros.TfmotJob(tmp_path / "none.keras", tmp_path / "none.npz", {})
    with pytest.raises(RuntimeError, match="tfmot's part failed"):
        job.run(0.5, tmp_path / "out" / "sparse.keras")
