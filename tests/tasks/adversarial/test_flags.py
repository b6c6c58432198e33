import pathlib

import pytest
from absl import flags as absl_flags

from ccm_tf.graph import ChannelGraph
from tasks.adversarial import flags
from tasks.models import build

FILES = sorted(pathlib.Path("tasks/flagfiles").glob("*_aip_paper.flags"))


def parsed(*arguments):
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program", *arguments])
    return flags.read(values)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_flagfiles(path):
    settings = parsed(f"--flagfile={path}")
    rounds = settings.rounds
    assert settings.network == path.stem.removesuffix("_aip_paper")
    assert rounds.method == "aip" and rounds.criterion["measure"] == "batch_mean_abs"
    assert rounds.targets == [{"energy": 0.9}] * (5 if "18" in path.stem else 3)
    trained = rounds.count * rounds.epochs + settings.finetune.epochs
    assert trained == (90 if "18" in path.stem else 202)
    assert [t.name for t in rounds.transfers()] == ["kd", "at"]


def test_there_is_a_flagfile_for_each_network():
    assert [p.stem.split("_")[0] for p in FILES] == ["resnet18", "resnet56", "vgg16"]


@pytest.mark.parametrize("network, size", [("resnet56", 32), ("resnet18", 64)])
def test_patterns_leave_the_inside_of_blocks(network, size):
    settings = parsed(f"--flagfile=tasks/flagfiles/{network}_aip_paper.flags")
    graph = ChannelGraph(build(network, 10, 0.125, (size, size, 3)))
    from ccm_tf.budget import Limits

    held = Limits(keep=settings.selection.keep).protected(graph)
    free = [p.name for p in graph.producers if not held[p.roots].any() and len(p.roots)]
    assert [name for name in free if name != "logits"] == [
        p.name for p in graph.producers if p.name.endswith("_conv1")
    ]


def test_less_of_it():
    assert [t.name for t in parsed("--method=logits").rounds.transfers()] == ["kd"]
    plain = parsed("--method=plain").rounds
    assert plain.transfers() == [] and plain.label_weight == 1.0
    assert parsed("--method=attention").rounds.label_weight == pytest.approx(0.7)


@pytest.mark.parametrize(
    "argument, message",
    [
        ("--method=magic", "--method"),
        ("--rounds=0", "--rounds"),
        ("--threshold=1", "--threshold"),
        ("--measure=mean", "measure"),
        ("--logits_weight=2", "--logits_weight"),
        ("--round_epochs=5", "--round_epochs"),
        ("--temperature=0", "temperature"),
        ("--skip_below=-1", "skip_below"),
    ],
)
def test_bad_values_are_named(argument, message):
    with pytest.raises(ValueError, match=message):
        parsed(argument)
