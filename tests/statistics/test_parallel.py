import threading

import numpy as np
import pytest

from ccm_tf.statistics import parallel
from ccm_tf.statistics.parallel import in_parallel


@pytest.mark.parametrize("alone", [False, True])
def test_results_come_in_the_order_of_the_items(alone, monkeypatch):
    if alone:
        monkeypatch.setattr(parallel, "threadpoolctl", None)
    rng = np.random.default_rng(0)
    matrices = [m @ m.T for m in (rng.normal(size=(n, n)) for n in (40, 3, 20, 1))]
    found = in_parallel(lambda matrix: np.linalg.eigh(matrix)[0], matrices)
    for values, matrix in zip(found, matrices, strict=True):
        np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix), atol=1e-10)


def test_items_run_side_by_side(monkeypatch):
    pytest.importorskip("threadpoolctl")
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 2)
    together = threading.Barrier(2, timeout=20)
    in_parallel(lambda _: together.wait(), [0, 1])


def test_nothing_to_do():
    assert in_parallel(len, []) == []


def test_an_error_reaches_the_caller():
    with pytest.raises(np.linalg.LinAlgError):
        in_parallel(np.linalg.inv, [np.eye(2), np.zeros((2, 2))])
