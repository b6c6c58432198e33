"""The example of docs/compress.md, run as it stands there."""

import pathlib
import re

import pytest
from absl import flags as absl_flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "compress.md").read_text(encoding="utf-8")
LOG = ROOT / "docs" / "results" / "compress_example.log"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_example_runs(tmp_path, monkeypatch, capsys):
    from tasks import compress
    from tasks.compression import flags

    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "compress.md", "exec"), {})
    said = []
    for command in blocks("sh"):
        words = command.split()
        assert words[:3] == ["python", "-m", "tasks.compress"]
        values = absl_flags.FlagValues()
        flags.define(values)
        values(words[2:])
        compress.main(values)
        said.append(capsys.readouterr().out)
    assert "Nothing was cut." in said[0] and "stays: " in said[0]
    assert "[1/5] take: done already" in said[1] and "pruned" in said[1]
    assert "fine-tuned" in said[2]
    assert (tmp_path / "out/tuned/finetuned.keras").exists()


def test_what_the_page_shows_was_logged():
    log = LOG.read_text(encoding="utf-8").splitlines()
    shown = [line for block in blocks("text") for line in block.splitlines()]
    assert len(shown) > 20
    for line in shown:
        assert line == "…" or line in log, line


def test_every_flag_that_the_page_names_exists():
    from tasks.compression import flags

    values = absl_flags.FlagValues()
    flags.define(values)
    for name in re.findall(r"--(\w+)", TEXT):
        assert name in values, name


def test_every_scale_is_in_the_table():
    from tasks.compression.scales import SCALES

    for name in SCALES:
        assert f"| `{name}` |" in TEXT, name
