import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def load(path):
    spec = importlib.util.spec_from_file_location("build_file", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build_file = load(".ci/build_file.py")


@pytest.fixture
def project(tmp_path):
    """A small project with every kind of file."""
    files = {
        "ccm_tf/__init__.py": "from ccm_tf.plan import plan as plan\n",
        "ccm_tf/plan.py": "import os, numpy\n\ndef plan():\n    from ccm_tf.graph import labels\n",
        "ccm_tf/graph/__init__.py": "import pkgutil\nall = pkgutil.iter_modules(__path__)\n",
        "ccm_tf/graph/labels.py": "from . import flow\nfrom ..files import write\n",
        "ccm_tf/graph/flow.py": "def f():\n    from ccm_tf.graph.labels import x\n",
        "ccm_tf/files.py": "",
        "tasks/__init__.py": "",
        "tasks/train.py": "import ccm_tf\nif __name__ == '__main__':\n    print('train.toml')\n",
        "tasks/train.toml": "",
        "tests/__init__.py": "",
        "tests/__main__.py": "",
        "tests/conftest.py": "",
        "tests/zoo.py": "",
        "tests/tasks/conftest.py": "",
        "tests/tasks/test_train.py": "command = ['python', '-m', 'tasks.train']\n",
        "tests/test_plan.py": "from tests.zoo import model\nimport ccm_tf.plan\n",
        "README.md": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def build(project):
    return build_file.render(build_file.make_targets(build_file.read_modules(project)))


def target(text, name):
    return next(t for t in build_file.parse(text) if t.name == name)


def test_build_fits_the_sources():
    text = (ROOT / "BUILD").read_text(encoding="utf-8")
    found = build_file.problems(ROOT, text)
    assert not found, "\n".join([*found, "`make build-file` writes BUILD anew."])


def test_rules_sources_and_deps(build):
    assert target(build, "ccm_tf").deps == ("ccm_tf/plan",)
    assert target(build, "ccm_tf/plan").deps == ("ccm_tf/graph/flow",)
    assert target(build, "ccm_tf/files").rule == "py_library"
    program = target(build, "tasks/train")
    assert program.rule == "py_binary"
    assert program.deps == ("ccm_tf",)
    assert program.data == ("tasks/train.toml",)
    test = target(build, "tests/test_plan")
    assert test.rule == "py_test"
    assert test.srcs == ("tests/__main__.py", "tests/test_plan.py")
    assert test.deps == ("ccm_tf/plan", "tests/conftest", "tests/zoo")


def test_programs_named_in_strings_and_conftests_are_deps(build):
    test = target(build, "tests/tasks/test_train")
    assert test.deps == ("tasks/train", "tests/conftest", "tests/tasks/conftest")


def test_modules_that_import_each_other_share_a_target(build):
    both = target(build, "ccm_tf/graph/flow")
    assert both.srcs == ("ccm_tf/graph/flow.py", "ccm_tf/graph/labels.py")
    assert both.deps == ("ccm_tf/files",)


def test_package_that_imports_what_lies_in_it(build):
    assert target(build, "ccm_tf/graph").deps == ("ccm_tf/graph/flow",)


def test_generated_file_has_no_problems(project, build):
    assert build_file.problems(project, build) == []


def test_other_grouping_is_fine(project, build):
    # Everything in ccm_tf/graph as one target, written by hand.
    kept = [t for t in build_file.parse(build) if not t.name.startswith("ccm_tf/graph")]
    changed = [
        build_file.dataclasses.replace(
            t, deps=tuple(d if d != "ccm_tf/graph/flow" else "all_of_graph" for d in t.deps)
        )
        for t in kept
    ]
    srcs = ("ccm_tf/graph/__init__.py", "ccm_tf/graph/flow.py", "ccm_tf/graph/labels.py")
    group = build_file.Target("py_library", "all_of_graph", srcs, ("ccm_tf/files",))
    assert build_file.problems(project, build_file.render([*changed, group])) == []


@pytest.mark.parametrize(
    "path, text, problem",
    [
        ("ccm_tf/new.py", "", "'ccm_tf/new.py' is in no target."),
        ("tests/test_new.py", "", "'tests/test_new.py' is in no target."),
        (
            "ccm_tf/files.py",
            "import ccm_tf.plan",
            "ccm_tf/files: the dep 'ccm_tf/plan' is missing.",
        ),
        (
            "tests/test_plan.py",
            "import ccm_tf.plan",
            "tests/test_plan: the dep 'tests/zoo' is superfluous.",
        ),
        (
            "tests/zoo.py",
            "path = 'README.md'",
            "tests/zoo: the data file 'README.md' is missing.",
        ),
        (
            "tasks/train.py",
            "import ccm_tf\nif __name__ == '__main__': ...",
            "tasks/train: the data file 'tasks/train.toml' is superfluous.",
        ),
        (
            "ccm_tf/files.py",
            "if __name__ == '__main__': ...",
            "'ccm_tf/files.py' is in a py_library; it should be in a py_binary.",
        ),
    ],
)
def test_changed_sources_are_noticed(project, build, path, text, problem):
    (project / path).write_text(text)
    assert build_file.problems(project, build) == [problem]


def test_removed_source_is_noticed(project, build):
    (project / "ccm_tf/files.py").unlink()
    assert "ccm_tf/files: there is no source 'ccm_tf/files.py'." in build_file.problems(
        project, build
    )


def test_source_in_two_targets_is_noticed(project, build):
    again = build_file.Target("py_library", "again", ("ccm_tf/files.py",))
    text = build + build_file.render([again])
    assert "'ccm_tf/files.py' is in two targets: ccm_tf/files, again." in build_file.problems(
        project, text
    )


def test_test_and_library_that_import_each_other_are_refused(project):
    (project / "tests/zoo.py").write_text("import tests.test_plan\n")
    with pytest.raises(ValueError, match="different kinds import each other: .*test_plan.py"):
        build_file.make_targets(build_file.read_modules(project))
