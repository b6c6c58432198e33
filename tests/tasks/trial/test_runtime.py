import pathlib
import shutil

import pytest

from tasks.trial import runtime

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_what_npm_left_is_found(installed):
    found = runtime.find(installed)
    assert found.version == "2.5.3"
    assert all(path.is_file() for path in found.files.values())
    assert {name for name in found.files if name.endswith(".wasm")} == {
        "litert/wasm/litert_wasm_internal.wasm",
        "litert/wasm/litert_wasm_compat_internal.wasm",
    }
    for module, place in found.modules.items():
        source = found.files[place.removeprefix("./")]
        assert module in str(source) and source.name == "index.js"


def test_a_loader_within_the_package_goes_first(installed, tmp_path):
    root = tmp_path / "npm"
    shutil.copytree(installed, root)
    nested = root / "node_modules/@litertjs/core/node_modules/@litertjs/wasm-utils/dist/index.js"
    nested.parent.mkdir(parents=True)
    nested.write_text("// nested")
    assert runtime.find(root).files["litert/wasm-utils.js"] == nested


def test_it_is_looked_for_in_the_cache(installed, tmp_path, monkeypatch):
    monkeypatch.setenv("CCM_TF_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=f"is not in '{tmp_path / 'litertjs'}'"):
        runtime.find()
    shutil.copytree(installed, tmp_path / "litertjs")
    assert runtime.find().version == "2.5.3"


def test_errors_say_how_to_install(installed, tmp_path, monkeypatch):
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.touch(0o755)
    command = f"npm install --prefix '{tmp_path}' @litertjs/core@{runtime.VERSION}"
    monkeypatch.setenv("PATH", str(npm.parent))
    with pytest.raises(ValueError, match="is not in .*. Install it: ") as found:
        runtime.find(tmp_path)
    assert str(found.value).endswith(command)
    npm.unlink()
    with pytest.raises(ValueError, match="npm, which is not installed either: install Node.js"):
        runtime.find(tmp_path)
    shutil.copytree(installed, tmp_path, dirs_exist_ok=True)
    (tmp_path / "node_modules/@litertjs/core/wasm/litert_wasm_internal.wasm").unlink()
    with pytest.raises(ValueError, match="lacks '.*/litert_wasm_internal.wasm'"):
        runtime.find(tmp_path)


def test_ci_installs_the_version_that_errors_name():
    wanted = f"{runtime.PACKAGE}@{runtime.VERSION}"
    assert wanted in (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert wanted in (ROOT / "docs/litert.md").read_text(encoding="utf-8")
