import importlib.util
import pathlib

import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.registry import frozen_kinds, handled_layers
from tests import zoo

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("coverage_table", ROOT / ".ci/coverage_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_the_registry_says(generator):
    ChannelGraph(zoo.chain())
    written = PAGE.read_text("utf-8").splitlines()
    made = generator.page().splitlines()
    # Other releases of Keras have other layers: only what both have must read the same.
    rows = {line.split("|")[1].strip(): line for line in written if line.startswith("| ")}
    for line in made:
        if line.startswith("| ") and line.split("|")[1].strip() in rows:
            assert line in written, f"run `python .ci/coverage_table.py --write`: {line}"


def test_every_layer_is_on_the_page():
    text = PAGE.read_text("utf-8")
    kinds = [c for c in handled_layers() if c.__module__.split(".")[0] == "keras"]
    for kind in [*kinds, *frozen_kinds()]:
        assert f"| {getattr(kind, '__name__', kind)} |" in text
