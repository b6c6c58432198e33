import pathlib
import subprocess
import sys
import tomllib

import ccm_tf

PROMISED = """
benchmark_latency distribute CCMLoss CCMRegularizer channel_correlation ChannelGraph EigenPlan
evaluate_tflite export export_tflite ExportOptions feature_layers iterate kfe kronecker_factors
mask masked_plan Model plan profile PruningPlan recalibrate recovery register_criterion
register_handler relevance report rewrite sensitivity Stop strip_pruning tflite_metadata
LatencyTable latency_table
""".split()


def test_promised_names_are_there_and_documented():
    for name in PROMISED:
        assert getattr(ccm_tf, name).__doc__, name


def test_functions_are_not_hidden_by_the_modules_of_the_same_name():
    for name in (
        "export",
        "iterate",
        "mask",
        "plan",
        "profile",
        "rewrite",
        "recalibrate",
        "sensitivity",
    ):
        assert callable(getattr(ccm_tf, name))


def test_version_is_the_packages():
    root = pathlib.Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert ccm_tf.__version__ == project["version"]


def test_importing_prints_nothing_and_loads_nothing_heavy():
    code = (
        "import sys, keras; before = set(sys.modules); import ccm_tf; "
        "new = {m.split('.')[0] for m in set(sys.modules) - before}; "
        "print(sorted(new & {'tensorflow_model_optimization', 'tf_keras', 'ai_edge_litert', "
        "'matplotlib', 'sklearn', 'PIL', 'absl'}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
