"""Writes BUILD from the sources: one Bazel target per module, with the deps that its imports name.

    python .ci/build_file.py           prints it
    python .ci/build_file.py --write   writes BUILD
    python .ci/build_file.py --check   says what is wrong with BUILD

Modules that import each other share one target. Only imports inside the project become deps:
third-party packages come from the environment, see requirements.txt.
"""

import argparse
import ast
import dataclasses
import pathlib
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = (".ci", "benchmarks", "ccm_tf", "tasks", "tests")
RUN_TESTS = "tests/__main__.py"
HEADER = """\
# Written by `make build-file` from the sources' imports; tests/test_build.py compares the two.
# Native rules, no downloads: `bazel query //...` works offline (Bazel 4 to 7). Third-party
# packages come from the Python environment, see requirements.txt.

package(default_visibility = ["//visibility:public"])

licenses(["notice"])

exports_files(["LICENSE"])
"""


@dataclasses.dataclass(frozen=True)
class Module:
    """A Python file.

    Attributes:
        path: Its path from the root, with forward slashes.
        name: Its dotted name.
        imports: Paths of the project's modules that it imports.
        data: Paths of other files of the project that it names.
        is_program: Whether it is meant to be run.
    """

    path: str
    name: str
    imports: frozenset[str]
    data: frozenset[str]
    is_program: bool

    @property
    def kind(self) -> str:
        """The Bazel rule for it."""
        if self.path.startswith("tests/") and self.path.split("/")[-1].startswith("test_"):
            return "py_test"
        return "py_binary" if self.is_program else "py_library"


@dataclasses.dataclass(frozen=True)
class Target:
    """A target of BUILD; the fields are its attributes."""

    rule: str
    name: str
    srcs: tuple[str, ...]
    deps: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


def read_modules(root: pathlib.Path) -> dict[str, Module]:
    """All modules by path."""
    paths = sorted(
        path.relative_to(root).as_posix()
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )
    names = {_dotted(path): path for path in paths}
    modules = {}
    for path in paths:
        tree = ast.parse((root / path).read_text(encoding="utf-8"), filename=path)
        modules[path] = Module(
            path,
            _dotted(path),
            frozenset(_imports(tree, path, names) | _conftests(path, names)) - {path},
            frozenset(_data(tree, path, root)),
            _is_program(tree, path),
        )
    return modules


def make_targets(modules: dict[str, Module]) -> list[Target]:
    """The targets, sorted by name."""
    owners = {}
    for paths in _import_cycles(modules):
        owners.update(dict.fromkeys(paths, min(map(_target_name, paths), key=len)))
    targets = []
    for name in sorted(set(owners.values())):
        members = [modules[path] for path in sorted(owners) if owners[path] == name]
        rules = {module.kind for module in members}
        if len(rules) > 1:
            files = [module.path for module in members]
            raise ValueError(f"Modules of different kinds import each other: {files}.")
        rule = rules.pop()
        srcs = {module.path for module in members}
        srcs |= {RUN_TESTS} if rule == "py_test" else set()
        deps = {owners[path] for module in members for path in module.imports} - {name}
        data = {path for module in members for path in module.data}
        targets.append(Target(rule, name, *(tuple(sorted(part)) for part in (srcs, deps, data))))
    return targets


def render(targets: list[Target]) -> str:
    """BUILD's text."""
    return "\n".join([HEADER, *map(_render_target, targets)])


def problems(root: pathlib.Path, text: str) -> list[str]:
    """What is wrong with a BUILD file, one sentence each.

    It need not be the generated text: targets may be named and grouped otherwise.

    Args:
        root: The project's folder.
        text: BUILD's content.

    Returns:
        Sentences; none if every module is in one target of the right rule, and the targets' deps
        and data are what their sources import and name.
    """
    modules, targets, found = read_modules(root), parse(text), []
    owners: dict[str, str] = {}
    for target in targets:
        for path in target.srcs:
            if path not in modules:
                found.append(f"{target.name}: there is no source '{path}'.")
            elif path != RUN_TESTS or target.rule != "py_test":
                if path in owners:
                    found.append(f"'{path}' is in two targets: {owners[path]}, {target.name}.")
                owners[path] = target.name
    for path, module in modules.items():
        rules = [target.rule for target in targets if target.name == owners.get(path)]
        if not rules:
            found.append(f"'{path}' is in no target.")
        elif module.kind not in rules:
            found.append(f"'{path}' is in a {rules[0]}; it should be in a {module.kind}.")
    for target in targets:
        members = [modules[path] for path in target.srcs if owners.get(path) == target.name]
        wanted = {owners.get(path, path) for m in members for path in m.imports} - {target.name}
        data = {path for module in members for path in module.data}
        found += _differences(target.name, "dep", wanted, set(target.deps))
        found += _differences(target.name, "data file", data, set(target.data))
    return found


def parse(text: str) -> list[Target]:
    """The `py_*` targets of a BUILD file; Starlark is close enough to Python to be parsed as it."""
    targets = []
    for statement in ast.parse(text).body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and getattr(call.func, "id", "").startswith("py_"):
            values = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
            deps = tuple(dep.removeprefix("//").removeprefix(":") for dep in values.get("deps", ()))
            data = tuple(values.get("data", ()))
            rule = ast.unparse(call.func)
            targets.append(Target(rule, values["name"], tuple(values["srcs"]), deps, data))
    return targets


def _differences(name: str, what: str, wanted: set[str], there: set[str]) -> Iterator[str]:
    for item in sorted(wanted - there):
        yield f"{name}: the {what} '{item}' is missing."
    for item in sorted(there - wanted):
        yield f"{name}: the {what} '{item}' is superfluous."


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _target_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__")


def _imports(tree: ast.Module, path: str, names: dict[str, str]) -> set[str]:
    """Paths of the modules that are imported, or run by name, anywhere in the file."""
    package = _dotted(path) if path.endswith("/__init__.py") else _dotted(path).rpartition(".")[0]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            # `from package import name`: a module of that package, or something defined in it.
            found += [
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in names else base
                for alias in node.names
            ]
        elif isinstance(node, ast.Attribute) and node.attr == "iter_modules":
            # A package that imports whatever lies in it.
            found += [name for name in names if name.rpartition(".")[0] == package]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Programs run by `python -m` and files loaded by path are named in strings.
            found += [name for name in _named(node.value) if name in names]
    return {names[name] for name in found if name in names}


def _named(text: str) -> list[str]:
    if text.endswith(".py"):
        return [_dotted(text)]
    return [text, f"{text}.__main__"] if "." in text else []


def _conftests(path: str, names: dict[str, str]) -> set[str]:
    """pytest imports them for every test in or below their folders."""
    folders = [str(parent) for parent in pathlib.PurePosixPath(path).parents]
    if not path.startswith("tests/") or path.endswith(("/conftest.py", "/__init__.py", RUN_TESTS)):
        return set()
    return {p for p in names.values() if p.endswith("/conftest.py") and p[:-12] in folders}


def _data(tree: ast.Module, path: str, root: pathlib.Path) -> Iterator[str]:
    """Files that the module names, from the root or from its own folder."""
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(text, str) or not text or len(text) > 200 or "\n" in text:
            continue
        for name in (text, str(pathlib.PurePosixPath(path).parent / text)):
            inside = pathlib.PurePosixPath(name).parts[:1] not in [("/",), ("..",)]
            tracked = name.split("/")[0] not in ("out", "data", "build", "dist", "BUILD")
            if inside and tracked and not name.endswith(".py") and (root / name).is_file():
                yield name


def _is_program(tree: ast.Module, path: str) -> bool:
    guards = (node.test for node in tree.body if isinstance(node, ast.If))
    return path.endswith("/__main__.py") or any("__main__" in ast.unparse(test) for test in guards)


def _import_cycles(modules: dict[str, Module]) -> list[set[str]]:
    """The modules in sets whose members reach each other through imports; most have one."""
    reached = {path: _reachable(path, modules) for path in modules}
    cycles, seen = [], set()
    for path in modules:
        if path not in seen:
            cycle = {path} | {other for other in reached[path] if path in reached[other]}
            seen |= cycle
            cycles.append(cycle)
    return cycles


def _reachable(start: str, modules: dict[str, Module]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = modules[waiting.pop()].imports - found
        found |= new
        waiting += new
    return found


def _render_target(target: Target) -> str:
    lines = [f"{target.rule}(", f'    name = "{target.name}",']
    if target.rule == "py_test":
        lines.append('    size = "large",')
    if target.rule == "py_library" and target.srcs[0].startswith("tests/"):
        lines.append("    testonly = True,")
    lines += _render_list("srcs", target.srcs)
    if target.rule == "py_test":
        lines += _render_list("args", [path for path in target.srcs if path != RUN_TESTS])
        lines.append(f'    main = "{RUN_TESTS}",')
    if target.rule == "py_binary":
        lines.append(f'    main = "{target.srcs[0]}",')
    lines += _render_list("data", target.data)
    lines += _render_list("deps", [f":{dep}" for dep in target.deps])
    return "\n".join([*lines, ")", ""])


def _render_list(name: str, items: list[str] | tuple[str, ...]) -> list[str]:
    if len(items) < 2:
        return [f'    {name} = ["{item}"],' for item in items]
    return [f"    {name} = [", *(f'        "{item}",' for item in items), "    ],"]


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(description="Writes or checks BUILD.")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write BUILD")
    action.add_argument("--check", action="store_true", help="say what is wrong with BUILD")
    arguments = parser.parse_args()
    build = ROOT / "BUILD"
    if arguments.check:
        found = problems(ROOT, build.read_text(encoding="utf-8"))
        print("\n".join(found))
        return bool(found)
    text = render(make_targets(read_modules(ROOT)))
    if arguments.write:
        build.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
