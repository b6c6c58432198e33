import copy
import tomllib
from pathlib import Path

import jsonschema
import pytest

import ccm_tf
from tests.reporting import examples
from tests.reporting.schema import check, schema

NAMES = ("report.schema.json", "comparison.schema.json")
ROOT = Path(ccm_tf.__file__).parent


@pytest.mark.parametrize("name", NAMES)
def test_is_a_schema_itself_and_is_shipped(name):
    jsonschema.Draft202012Validator.check_schema(schema(name))
    settings = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["ccm_tf"]
    shipped = {path for pattern in patterns for path in ROOT.glob(pattern)}
    assert {ROOT / "reporting" / name, ROOT / "reporting" / "page.css"} <= shipped


@pytest.mark.parametrize("values", [examples.values(), examples.round_values()])
def test_examples_are_reports(values):
    check(values)


@pytest.mark.parametrize(
    "path,value",
    [
        (("format",), "ccm_tf.report/0"),
        (("stages",), []),
        (("stages", 0), {"name": "dense"}),
        (("dense", "accuracy"), 98.0),
        (("dense", "macs"), "many"),
        (("layers", 0, "kept"), -1),
        (("network", "edges", 0), [1]),
        (("unheard_of",), 1),
        (("plan", "target", "macs"), "half"),
    ],
)
def test_what_is_no_report(path, value):
    values = copy.deepcopy(examples.values())
    place = values
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        check(values)
