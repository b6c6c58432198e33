from ccm_tf.reporting.content import with_stages
from ccm_tf.reporting.table import columns, table
from tests.reporting import examples


def test_rows_and_changes():
    lines = table(examples.values()).splitlines()
    assert [line.split("  ")[0] for line in lines[2:7]] == [
        "dense",
        "pruned",
        "fine-tuned",
        "LiteRT file",
        "int8 file",
    ]
    assert "97.00 %" in lines[4] and "4.96 M (−75.1 %)" in lines[4] and "(−65.5 %)" in lines[4]
    assert len({len(line) for line in lines[2:7]}) == 1
    assert lines[-1] == "accuracy: test images, file size: file, latency: one thread"


def test_columns_are_those_with_numbers():
    rows = [{**row, "accuracy": None} for row in examples.stages()]
    values = {**with_stages(rows), "how": {"accuracy": "test images"}}
    assert list(columns(values)) == ["params", "macs", "bytes", "latency_ms"]
    assert "accuracy" not in table(values)


def test_what_is_not_known_is_empty():
    rows = examples.stages()
    rows[-1]["bytes"] = None
    last = table({**with_stages(rows), "how": {}}).splitlines()[6]
    assert "kB" not in last and "0.071 ms" in last
