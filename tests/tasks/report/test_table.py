from tasks.report.table import table


def test_rows_and_changes(report):
    lines = table(report).splitlines()
    assert [line.split("  ")[0] for line in lines[2:6]] == [
        "dense",
        "pruned",
        "fine-tuned",
        "LiteRT file",
    ]
    assert "97.00 %" in lines[4] and "4.96 M (−75.1 %)" in lines[4] and "(−65.5 %)" in lines[4]
    assert len({len(line) for line in lines[2:6]}) == 1
    assert lines[-1] == "accuracy: test images, file size: file, latency: one thread"


def test_left_out_stages_have_no_row(report):
    text = table(report | {"finetuned": None, "tflite": None})
    assert "fine-tuned" not in text and "LiteRT" not in text and "pruned" in text
