import importlib.util
import pathlib

import pytest

from ccm_tf.criteria import criteria

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "criteria.md"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("criteria_table", ROOT / ".ci/criteria_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_the_registry_says(generator):
    current = PAGE.read_text("utf-8") == generator.page()
    assert current, "run `python .ci/criteria_table.py --write`"


@pytest.mark.parametrize("name", criteria())
def test_every_criterion_is_on_the_page(name):
    cls = criteria()[name]
    text = PAGE.read_text("utf-8")
    needs = "labels" if cls.needs_labels else "data" if cls.needs_data else "nothing"
    assert f"| [`{name}`](#{name}) | `{cls.__name__}` | {needs} |" in text
    assert f"\n## {name}\n" in text
    assert cls.cost, "a criterion says what it costs"


@pytest.mark.parametrize("name", sorted(set(criteria()) - {"random"}))
def test_every_criterion_names_its_source_and_its_formula(name):
    text = PAGE.read_text("utf-8").split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert "arXiv" in text or "1980" in text
    assert "$" in text
