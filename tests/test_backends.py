"""The library on JAX with TensorFlow absent, whatever else this environment has installed."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.jax

# Stands for a machine on which these are not installed.
WITHOUT = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""

ABSENT = {
    "ai_edge_litert",
    "matplotlib",
    "PIL",
    "sklearn",
    "tensorflow",
    "tensorflow_datasets",
    "tensorflow_model_optimization",
    "tf_keras",
    "torch",
}


def run(code):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=ABSENT) + code],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )


def test_every_module_imports_without_tensorflow():
    done = run(
        "import ccm_tf\n"
        "modules = list(pkgutil.walk_packages(ccm_tf.__path__, 'ccm_tf.'))\n"
        "for module in modules:\n"
        "    importlib.import_module(module.name)\n"
        "print(len(modules))\n"
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_pruning():
    done = run(
        "import keras, ccm_tf\n"
        "model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3, name='c'),\n"
        "    keras.layers.ReLU(), keras.layers.Flatten(), keras.layers.Dense(2)])\n"
        "plan = ccm_tf.plan(model, 'magnitude', channels=0.5)\n"
        "slim = ccm_tf.rewrite(model, plan)\n"
        "print(slim.get_layer('c').filters == len(plan.kept['c']) < 8)\n"
    )
    assert done.stdout == "True\n", done.stderr


def test_export_without_tensorflow_says_what_to_do():
    done = run(
        "import keras, ccm_tf\n"
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
        "try:\n"
        "    ccm_tf.export_tflite(model, 'model.tflite')\n"
        "except RuntimeError as error:\n"
        "    print(error)\n"
    )
    assert "runs on jax here" in done.stdout, done.stderr
    assert "KERAS_BACKEND=tensorflow" in done.stdout
