import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ccm_tf.statistics import nuclear_norm, parallel
from ccm_tf.statistics.nuclear_norm import nuclear_norm_drop


def by_definition(matrices):
    drops = np.zeros(matrices.shape[:2])
    for n, matrix in enumerate(matrices):
        whole = np.linalg.svd(matrix, compute_uv=False).sum()
        for row in range(len(matrix)):
            without = matrix.copy()
            without[row] = 0
            drops[n, row] = whole - np.linalg.svd(without, compute_uv=False).sum()
    return drops


def assert_exact(matrices):
    largest = np.linalg.svd(matrices, compute_uv=False).max(axis=-1)[:, None]
    scale = np.where(largest > 0, largest, 1)
    np.testing.assert_allclose(
        nuclear_norm_drop(matrices) / scale, by_definition(matrices) / scale, rtol=1e-9, atol=1e-12
    )


SHAPES = [(1, 1), (1, 6), (6, 1), (5, 9), (9, 5), (12, 12), (40, 3), (3, 40)]


def normal(shape):
    return np.random.default_rng(0).standard_normal((3, *shape))


def duplicated(shape):
    a = normal(shape)
    a[:, shape[0] // 2] = a[:, 0]
    return a


def nearly_duplicated(shape):
    rng = np.random.default_rng(1)
    noise = 10.0 ** -np.arange(5, 14, 3)[:, None] * rng.standard_normal((3, shape[1]))
    a = normal(shape)
    a[:, shape[0] // 2] = a[:, 0] + noise
    return a


def rank_two(shape):
    rng = np.random.default_rng(2)
    return rng.standard_normal((3, shape[0], 2)) @ rng.standard_normal((3, 2, shape[1]))


def one_pixel_of_its_own(shape):
    a = np.maximum(normal(shape), 0)
    a[:, :, 0] = 0
    a[:, 0, 0] = 1
    return a


KINDS = {
    "normal": normal,
    "relu": lambda shape: np.maximum(normal(shape), 0),
    "sparse": lambda shape: np.maximum(normal(shape) - 1, 0),
    "duplicate rows": duplicated,
    "nearly duplicate rows": nearly_duplicated,
    "rank two": rank_two,
    "a pixel of its own": one_pixel_of_its_own,
    "rows of zeros": lambda shape: normal(shape) * (np.arange(shape[0]) % 2)[:, None],
    "columns of zeros": lambda shape: normal(shape) * (np.arange(shape[1]) % 2),
    "ill-scaled rows": lambda shape: normal(shape) * 10.0 ** -np.arange(shape[0])[:, None],
    "ill-scaled columns": lambda shape: normal(shape) * 10.0 ** -np.arange(shape[1]),
    "zeros": lambda shape: np.zeros((3, *shape)),
    "huge": lambda shape: normal(shape) * 1e200,
    "tiny": lambda shape: normal(shape) * 1e-200,
    "mixed scales": lambda shape: normal(shape) * np.array([1e-30, 0, 1e30])[:, None, None],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_equals_singular_values_without_each_row(kind, shape):
    assert_exact(KINDS[kind](shape))


@hypothesis.given(
    rows=st.integers(1, 8),
    columns=st.integers(1, 8),
    rank=st.integers(0, 8),
    seed=st.integers(0, 10_000),
    decades=st.floats(0, 4),
)
def test_equals_singular_values_property(rows, columns, rank, seed, decades):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((2, rows, rank)) @ rng.standard_normal((2, rank, columns))
    if seed % 2:
        a = np.maximum(a, 0)
    assert_exact(a * 10 ** rng.uniform(-decades, 0, (2, rows, 1)))


def test_closed_form_for_one_column():
    # The drop is |a| - sqrt(|a|^2 - a_c^2); as a difference it would lose the digits of the last.
    a = 10.0 ** -np.arange(6)
    norm = np.linalg.norm(a)
    exact = a**2 / (norm + np.sqrt(norm**2 - a**2))
    np.testing.assert_allclose(nuclear_norm_drop(a[None, :, None])[0], exact, rtol=1e-9, atol=1e-16)


def test_orthogonal_rows_drop_by_their_length():
    drops = nuclear_norm_drop(np.diag([1.0, 1e-3, 1e-6, 1e-9])[None])
    np.testing.assert_allclose(drops[0], [1, 1e-3, 1e-6, 1e-9], rtol=1e-9, atol=1e-14)


def test_spec_vectors():
    c1 = [[1, 0, 0, 0], [1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0]]
    c2 = [[1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 2, 1], [1, 0, 0, 1]]
    drops = nuclear_norm_drop(np.array([c1, c2]))
    np.testing.assert_allclose(drops[0], [0.414214, 0.414214, 2, 3], atol=5e-7)
    np.testing.assert_allclose(drops[1], [2.136986, 2.136986, 4.558872, 1.052807], atol=5e-7)
    np.testing.assert_allclose(drops.sum(axis=1), [5.828427, 9.885651], atol=5e-7)


def test_dead_rows_are_exactly_zero():
    a = normal((6, 4))
    a[:, [1, 4]] = 0
    drops = nuclear_norm_drop(a)
    assert not drops[:, [1, 4]].any()
    assert np.all(drops[:, [0, 2, 3, 5]] > 0)


@pytest.mark.parametrize("shape", [(9, 5), (5, 9)])
def test_blocks_are_invisible(shape, monkeypatch):
    a = np.concatenate([kind(shape) for kind in KINDS.values()])
    whole = nuclear_norm_drop(a)
    monkeypatch.setattr(nuclear_norm, "_BLOCK_BYTES", 1)
    np.testing.assert_allclose(nuclear_norm_drop(a), whole, rtol=1e-12)


@pytest.mark.parametrize("shape", [(9, 5), (5, 9)])
def test_gram_matrix_and_singular_values_agree(shape, monkeypatch):
    a = normal(shape)
    expected = nuclear_norm_drop(a)
    monkeypatch.setattr(nuclear_norm, "_WORST_GRAM", 2.0)
    np.testing.assert_allclose(nuclear_norm_drop(a), expected, rtol=1e-11)


def test_threads_are_invisible(monkeypatch):
    a = normal((9, 5)).repeat(10, axis=0)
    monkeypatch.setattr(nuclear_norm, "_BLOCK_BYTES", 1)
    threaded = nuclear_norm_drop(a)
    monkeypatch.setattr(parallel, "threadpoolctl", None)
    np.testing.assert_allclose(nuclear_norm_drop(a), threaded, rtol=1e-12)


def test_well_conditioned_matrices_need_no_singular_values(monkeypatch):
    monkeypatch.setattr(nuclear_norm, "_singular", None)
    a = normal((9, 20))
    a[:, 3] = 0
    assert np.all(np.isfinite(nuclear_norm_drop(a)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "int32", "uint8"])
def test_any_dtype_is_computed_in_float64(dtype):
    a = np.random.default_rng(0).integers(0, 9, (2, 4, 5)).astype(dtype)
    drops = nuclear_norm_drop(a)
    assert drops.dtype == np.float64
    np.testing.assert_allclose(drops, by_definition(a.astype("float64")), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_nothing_to_do(shape):
    drops = nuclear_norm_drop(np.zeros(shape))
    assert drops.shape == shape[:2] and not drops.any()


def test_errors():
    with pytest.raises(ValueError, match=r"\(N, C, P\).*\(3, 4\)"):
        nuclear_norm_drop(np.ones((3, 4)))
    with pytest.raises(ValueError, match="NaN"):
        nuclear_norm_drop(np.full((1, 2, 3), np.inf))
