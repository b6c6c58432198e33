"""LiteRT's runtime for browsers, a package of npm: where it lies, and what of it a page needs."""

import dataclasses
import json
import pathlib
import shutil

from ccm_tf.files import PathLike, cache_folder

PACKAGE = "@litertjs/core"
# What the page has been tested with.
VERSION = "2.5.3"
_LOADER = "@litertjs/wasm-utils"
# Browsers without relaxed SIMD take the second.
_BUILDS = ("litert_wasm_internal", "litert_wasm_compat_internal")


@dataclasses.dataclass(frozen=True)
class Runtime:
    """An installed runtime.

    Attributes:
        version: Of the package.
        files: Name within a site to the file to copy there.
        modules: Name of each JavaScript module to its place within a site.
    """

    version: str
    files: dict[str, pathlib.Path]
    modules: dict[str, str]


def default_folder() -> pathlib.Path:
    """Where the package is looked for if nothing else is said."""
    return cache_folder() / "litertjs"


def find(folder: PathLike | None = None) -> Runtime:
    """Looks for the runtime.

    Args:
        folder: Where `npm install` was run. Defaults to `default_folder()`.

    Raises:
        ValueError: If it is not there or lacks files; the message says how to install it.
    """
    root = pathlib.Path(folder) if folder else default_folder()
    core = root / "node_modules" / PACKAGE
    # npm puts a dependency beside the package, or within it if versions clash.
    nested = core / "node_modules" / _LOADER
    loader = nested if nested.is_dir() else root / "node_modules" / _LOADER
    files = {
        "litert/core.js": core / "dist/index.js",
        "litert/wasm-utils.js": loader / "dist/index.js",
        "litert/package.json": core / "package.json",
    }
    for build in _BUILDS:
        for suffix in (".js", ".wasm"):
            files[f"litert/wasm/{build}{suffix}"] = core / "wasm" / f"{build}{suffix}"
    missing = next((path for path in files.values() if not path.is_file()), None)
    if missing is not None:
        there = f"is not in '{root}'" if not core.is_dir() else f"lacks '{missing}'"
        raise ValueError(f"LiteRT's runtime for browsers {there}. {_how_to_install(root)}")
    version = json.loads(files["litert/package.json"].read_text(encoding="utf-8"))["version"]
    modules = {PACKAGE: "./litert/core.js", _LOADER: "./litert/wasm-utils.js"}
    return Runtime(str(version), files, modules)


def _how_to_install(root: pathlib.Path) -> str:
    command = f"npm install --prefix '{root}' {PACKAGE}@{VERSION}"
    if shutil.which("npm"):
        return f"Install it: {command}"
    return (
        "It comes from npm, which is not installed either: install Node.js (https://nodejs.org), "
        f"then run {command}"
    )
