import keras
import pytest

from ccm_tf.latency.stock import litert_benchmark, read_benchmark_log

# What the tool prints on a phone: an older version, and one with medians and a prefix.
OLD = """\
STARTING!
Log parameter values verbosely: [0]
Num threads: [1]
Graph: [/data/local/tmp/ops/conv-8x8-k3.tflite]
#threads used for CPU inference: [1]
Loaded model /data/local/tmp/ops/conv-8x8-k3.tflite
The input model file size (MB): 0.148
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
Initialized session in 1.9ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding \
150 seconds.
count=411 first=2891 curr=1203 min=1188 max=2891 avg=1214.3 std=90

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding \
150 seconds.
count=817 first=1206 curr=1209 min=1185 max=1391 avg=1209.25 std=17

Inference timings in us: Init: 1904, First inference: 2891, Warmup (avg): 1214.3, Inference \
(avg): 1209.25
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE.
Memory footprint delta from the start of the tool (MB): init=2.1 overall=4.6
"""
NEW = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Graph: [dense-k1.tflite]
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if \
exceeding 150 seconds.
INFO: count=9001 first=91 curr=44 min=43 max=120 avg=45.1 std=3 p5=43 median=44 p95=49
INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if \
exceeding 150 seconds.
INFO: count=20153 first=44 curr=52 min=43 max=188 avg=46.9 std=5 p5=43 median=45 p95=52
INFO: Inference timings in us: Init: 402, First inference: 91, Warmup (avg): 45.1, Inference \
(avg): 46.9
"""


def test_both_versions_one_after_the_other():
    assert read_benchmark_log(OLD + NEW) == {
        "conv-8x8-k3.tflite": 1.20925,
        "dense-k1.tflite": 0.045,
    }


def test_a_run_that_was_cut_off_is_named():
    cut = OLD[: OLD.index("Inference timings")]
    with pytest.raises(ValueError, match="no result for 'conv-8x8-k3.tflite': its run was cut off"):
        read_benchmark_log(NEW + cut)


def test_a_failure_is_named():
    failed = "Graph: [ops/pad.tflite]\nERROR: Failed to load model\n"
    with pytest.raises(ValueError, match="'pad.tflite'.*Failed to load model"):
        read_benchmark_log(failed + NEW)


def test_something_else():
    with pytest.raises(ValueError, match="Expected the output of `benchmark_model`"):
        read_benchmark_log("adb: no devices/emulators found")


@pytest.mark.slow
@pytest.mark.tensorflow
def test_litert_benchmark_is_a_second_opinion(tmp_path):
    import ccm_tf

    inputs = keras.Input((4,))
    file = ccm_tf.export_tflite(keras.Model(inputs, inputs * 2.0), tmp_path / "model.tflite").path
    found = litert_benchmark(file, runs=5)
    assert found["latency"]["median_ms"] >= 0 and found["latency"]["num_runs"] == 5
    with pytest.raises(RuntimeError, match="could not run '.*none.tflite'.*not found"):
        litert_benchmark(tmp_path / "none.tflite")
