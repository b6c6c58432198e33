import json
import platform

from benchmarks.accuracy.environment import environment


def test_names_kind_of_machine_backend_and_versions():
    found = json.loads(json.dumps(environment()))
    assert "cores" in found["hardware"]
    assert platform.node() not in json.dumps(found)
    assert {"keras", "numpy"} < set(found["versions"])
