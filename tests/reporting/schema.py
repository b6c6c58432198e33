"""Checks JSON against the schemas that the library ships."""

import importlib.resources
import json

import jsonschema


def schema(name):
    """A schema by the name of its file."""
    path = importlib.resources.files("ccm_tf.reporting").joinpath(name)
    return json.loads(path.read_text(encoding="utf-8"))


def check(values, name="report.schema.json"):
    """Fails where values are not as the schema says; what is read back from JSON counts."""
    values = json.loads(json.dumps(values, allow_nan=False))
    jsonschema.Draft202012Validator(schema(name)).validate(values)
