import pytest

import ccm_tf
from ccm_tf.latency import cache
from ccm_tf.latency.table import LatencyTable
from tests import zoo
from tests.latency.operators_of import measure


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Counts how often operators are measured, into a cache of its own."""
    counts = []

    def measure_here(threads, dtype):
        return lambda sized: counts.append(len(sized)) or measure(sized)

    monkeypatch.setenv("CCM_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "measure_here", measure_here)
    return counts


def test_measured_once_for_each_device_threads_and_dtype(measured, tmp_path):
    model = zoo.chain()
    first = ccm_tf.latency_table(model)
    calls = len(measured)
    assert calls and ccm_tf.latency_table(model) == first == ccm_tf.latency_table()
    assert len(measured) == calls
    ccm_tf.latency_table(model, threads=2)
    ccm_tf.latency_table(model, dtype="int8")
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert len(names) == 3 and names[0].endswith("-1-float32.json")


def test_tables_of_another_way_of_measuring_are_left_alone(measured, monkeypatch):
    model = zoo.chain()
    ccm_tf.latency_table(model)
    calls = len(measured)
    monkeypatch.setattr(cache, "_METHOD", cache._METHOD + 1)
    ccm_tf.latency_table(model)
    assert len(measured) > calls


def test_a_plan_measures_what_it_needs(measured):
    model = zoo.chain()
    ccm_tf.plan(model, "random", latency=1.0)
    assert measured
    assert ccm_tf.latency_table().predict(model) > 0


def test_a_damaged_file_is_measured_anew(measured):
    path = cache.cache_path(LatencyTable(cache.this_device()))
    path.parent.mkdir()
    path.write_text("{")
    with pytest.warns(UserWarning, match="measured anew: .*is not a latency table"):
        table = ccm_tf.latency_table(zoo.chain())
    assert LatencyTable.load(path) == table
