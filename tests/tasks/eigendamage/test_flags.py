import pathlib

import pytest
from absl import flags as absl_flags

from tasks.eigendamage import flags

FILES = sorted(pathlib.Path("tasks/flagfiles").glob("*_eigendamage_*.flags"))


def parsed(*arguments):
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program", *arguments])
    return flags.read(values)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_flagfiles(path):
    settings = parsed(f"--flagfile={path}")
    rounds = settings.rounds
    assert rounds.method == "eigendamage" and settings.finetune.epochs == 150
    iterative = path.stem.endswith("iterative")
    assert rounds.ratios == ((0.5,) * 7 if iterative else (0.4, 0.5, 0.6, 0.7, 0.8, 0.9))
    assert rounds.max_ratio == (0.5 if iterative else 0.95)
    assert settings.network == path.stem.split("_eigendamage")[0]


def test_there_are_flagfiles_for_both_protocols_of_three_networks():
    assert len(FILES) == 6


def test_criteria_have_one_scope_more():
    assert parsed("--scope=relative").rounds.scope == "relative"
    assert parsed("--method=obd", "--scope=local").rounds.scope == "local"


def test_rounds_start_where_the_protocol_says():
    one = parsed("--ratio=0.5,0.6").rounds
    other = parsed("--ratio=0.5,0.6", "--protocol=iterative").rounds
    assert [one.start(1), one.start(2)] == ["dense.keras"] * 2
    assert [other.start(1), other.start(2)] == ["dense.keras", "finetuned_1.keras"]


@pytest.mark.parametrize(
    "flag, match",
    [
        ("--method=magic", "--method must be one of eigendamage, .*obd"),
        ("--protocol=twice", "--protocol must be one of one_pass, iterative"),
        ("--ratio=1.5", "--ratio takes shares between 0 and 1.*'1.5'"),
        ("--ratio=", "--ratio needs at least one share"),
        ("--scope=local", "--scope must be one of global, relative"),
        ("--separable=svd", "--separable must be one of none, frobenius, fisher"),
    ],
)
def test_clear_errors(flag, match):
    with pytest.raises(ValueError, match=match):
        parsed(flag)
