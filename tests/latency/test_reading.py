import json

import pytest

from ccm_tf.latency.reading import read_table
from ccm_tf.latency.table import LatencyTable
from tests import zoo
from tests.latency.operators_of import measure


def filled(model):
    table = LatencyTable("test bench")
    table.measure(model, measure)
    return table


@pytest.mark.parametrize(
    "edit",
    [
        lambda value: value.update(format="other"),
        lambda value: value.pop("steps"),
        lambda value: value["operators"][0]["operator"].update(kind="magic"),
        lambda value: value["operators"][0]["milliseconds"].pop(),
        lambda value: value["operators"][0]["operator"].update(colour="red"),
    ],
)
def test_files_that_are_none(tmp_path, edit):
    value = json.loads(json.dumps(filled(zoo.chain()).as_dict()))
    edit(value)
    path = tmp_path / "table.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match="table.json' is not a latency table.*Delete it"):
        read_table(path)
