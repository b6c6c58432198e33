import shutil
import subprocess

import pytest

from ccm_tf.latency.operators import Operator
from ccm_tf.latency.phone import read_benchmarks, write_benchmarks
from ccm_tf.latency.table import LatencyTable
from tests import zoo
from tests.latency.operators_of import formula

pytest.importorskip("ai_edge_litert")

TOOL = """\
INFO: Graph: [/data/local/tmp/ccm_tf/{name}]
INFO: count=90 first=9 curr=9 min=9 max=9 avg=9 std=0
INFO: count=50 first={us} curr={us} min={us} max={us} avg={us} std=1 p5=1 median={us} p95=1
INFO: Inference timings in us: Init: 402, First inference: 91, Warmup (avg): 45.1, Inference \
(avg): {us}
"""


def log_of(table, model):
    """What the tool would say on a phone whose times follow the formula."""
    from ccm_tf.graph import ChannelGraph
    from ccm_tf.latency.operators import file_name
    from ccm_tf.latency.work import model_work

    wanted = table.missing(model_work(ChannelGraph(model)).works)
    return "".join(TOOL.format(name=file_name(*s), us=1e3 * formula(s)) for s in wanted)


def test_there_and_back(tmp_path):
    model, table = zoo.chain(), LatencyTable("phone", threads=2)
    script = write_benchmarks(table, model, tmp_path / "ops")
    assert "--num_threads=2" in script.read_text()
    assert subprocess.run([shutil.which("sh"), "-n", script], check=False).returncode == 0
    files = {path.name for path in (tmp_path / "ops").glob("*.tflite")}
    log = log_of(table, model)
    assert all(f"/{name}]" in log for name in files)
    (tmp_path / "ops" / "log.txt").write_text(log)
    read_benchmarks(table, model, tmp_path / "ops")
    assert table.steps["conv"] == (1, 16)
    first = Operator("conv", 8, 8, (3, 3))
    assert table.milliseconds(first, (3, 6)) == pytest.approx(formula((first, 3, 6)), rel=0.02)
    with pytest.raises(ValueError, match="'phone' has all operators of the model already"):
        write_benchmarks(table, model, tmp_path / "ops")


def test_a_log_with_gaps(tmp_path):
    model, table = zoo.chain(), LatencyTable("phone")
    with pytest.raises(FileNotFoundError):
        read_benchmarks(table, model, tmp_path)
    log = log_of(table, model)
    (tmp_path / "log.txt").write_text(log[log.index("INFO: Graph", 10) :])
    with pytest.raises(ValueError, match=r"has no time for 1 of \d+ operators, among them 'conv"):
        read_benchmarks(table, model, tmp_path)
    assert not table.grids
