"""What the documentation says exists: links, files, commands, names; and its code is code."""

import pathlib
import re
import subprocess
import sys

import pytest

import ccm_tf

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/index.md",
        "docs/architecture.md",
        "docs/budgets.md",
        "docs/compress.md",
        "docs/channel_labels.md",
        "docs/criteria.md",
        "docs/eigendamage.md",
        "docs/gradual.md",
        "docs/litert.md",
        "docs/recovery.md",
        "docs/reports.md",
        "docs/your_own_layer.md",
    )
]
CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def python_blocks(page):
    return [
        code for language, code in CODE.findall(page.read_text("utf-8")) if language == "python"
    ]


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param


def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        if not link.startswith("https://"):
            assert (page.parent / link.split("#")[0]).exists(), link


def test_named_files_exist(page):
    words = re.findall(r"`([\w./-]+)`", CODE.sub("", page.read_text("utf-8")))
    for word in words:
        if re.match(r"(ccm_tf|tasks|tests|benchmarks|docs|\.ci)/[\w./]+$", word):
            # Contributors are told where to put new files.
            assert (ROOT / word).exists() or "/x.py" in word or "test_x" in word, word


def test_named_commands_exist(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for target in re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", page.read_text("utf-8"), re.M):
        assert "".join(target) in targets, target


def test_named_functions_exist(page):
    modules = {path.stem for path in (ROOT / "ccm_tf").iterdir()}
    for name in re.findall(r"\bccm_tf\.(\w+)", page.read_text("utf-8")):
        assert hasattr(ccm_tf, name) or name in modules, name


def test_code_is_valid(page):
    for code in python_blocks(page):
        compile(code, page.name, "exec")


def test_the_contributed_criterion_works():
    (code, *_) = python_blocks(ROOT / "CONTRIBUTING.md")
    code += (
        "\nimport ccm_tf, keras\n"
        "inputs = keras.Input((8, 8, 3))\n"
        "x = keras.layers.Conv2D(8, 3, name='conv')(inputs)\n"
        "x = keras.layers.GlobalAveragePooling2D()(x)\n"
        "model = keras.Model(inputs, keras.layers.Dense(2)(x))\n"
        "print(ccm_tf.plan(model, 'first', channels=0.6, scope='local').kept['conv'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    kept = done.stdout.strip()
    assert kept in [str(list(range(count))) for count in range(2, 7)], done.stderr


def test_the_page_on_pruning_while_training_runs():
    blocks = python_blocks(ROOT / "docs/gradual.md")
    # Importing tfmot would change `tf.keras` for all other tests.
    code = "\n".join(block for block in blocks if "tensorflow_model_optimization" not in block)
    names = {}
    exec(compile(code, "docs/gradual.md", "exec"), names)
    assert names["slim"].count_params() < names["model"].count_params()


def test_the_page_on_recovery_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    code = "\n".join(python_blocks(ROOT / "docs/recovery.md"))
    exec(compile(code, "docs/recovery.md", "exec"), names)
    assert (tmp_path / "slim.keras").exists()
    assert "kd" in names["history"]
    assert len(names["result"].rounds) >= 1


def test_the_page_on_reports_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    code = "\n".join(python_blocks(ROOT / "docs/reports.md"))
    exec(compile(code, "docs/reports.md", "exec"), names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert "int8 file" in capsys.readouterr().out
