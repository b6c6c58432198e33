import pathlib
import re
import tomllib

from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]

# What requirements.txt installs: everything but what has an environment of its own.
OTHERS = ("jax", "peers")
FULL = ("tensorflow", "tfmot", "litert", "formats", "tasks", "test")


def parsed(lines):
    """Name to requirement; extras that name one package twice must agree."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        assert found.setdefault(requirement.name, requirement) == requirement
    return found


def test_requirements_are_those_of_the_project():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = [re.sub(r"\s*#.*", "", line) for line in text.splitlines()]
    names = [Requirement(line).name for line in lines if line]
    assert len(names) == len(set(names))
    declared = [*PROJECT["dependencies"], *(line for extra in FULL for line in EXTRAS[extra])]
    assert parsed(line for line in lines if line) == parsed(declared)


def test_every_extra_is_installed_or_has_an_environment_of_its_own():
    assert set(EXTRAS) == {*FULL, *OTHERS}


def test_every_requirement_has_a_lower_and_an_upper_bound():
    everything = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    for name, requirement in parsed(everything).items():
        operators = {specifier.operator for specifier in requirement.specifier}
        # `importlib_resources` follows Python's releases and has no plan for breaking changes.
        assert ">=" in operators and ("<" in operators or name == "importlib_resources"), name


def test_tensorflow_is_the_full_package():
    names = {Requirement(line).name for extra in EXTRAS.values() for line in extra}
    assert "tensorflow" in names
    assert not any(name.startswith("tensorflow-cpu") for name in names)


def test_library_itself_needs_no_backend():
    assert {Requirement(line).name for line in PROJECT["dependencies"]} == {"keras", "numpy"}
