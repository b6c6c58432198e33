import pathlib

import pytest
from absl import flags as absl_flags

from ccm_tf.schedules import EveryNEpochs, PCAEnergy, PolynomialDecay
from tasks.gradual import flags

FILES = sorted(pathlib.Path("tasks/flagfiles").glob("*_frs_paper.flags"))


def parsed(*arguments):
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program", *arguments])
    return flags.read(values)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_flagfiles(path):
    settings = parsed(f"--flagfile={path}")
    gradually = settings.gradually
    assert settings.network == path.stem.removesuffix("_paper")
    assert gradually.criterion == "relevance" and settings.train.epochs == 200
    expected = EveryNEpochs(15, 160, 150) if "vgg" in path.stem else EveryNEpochs(21, 120, 150)
    assert gradually.schedule(196) == expected


def test_there_is_a_flagfile_for_each_network():
    names = [p.stem.split("_")[0] for p in FILES]
    assert names == ["resnet110", "resnet164", "resnet56", "vgg16"]


def test_other_methods_go_by_steps():
    common = ("--epochs=20", "--prune_until=15", "--prune_every=5", "--warmup_epochs=1")
    settings = parsed("--method=magnitude", "--sparsity=0.6", "--prune_from=5", *common)
    assert settings.gradually.schedule(10) == PolynomialDecay(0.0, 0.6, 50, 150, frequency=50)
    settings = parsed("--method=pca", "--final_energy=0.8", *common)
    assert settings.gradually.schedule(10) == PCAEnergy(1.0, 0.8, 0, 150, frequency=50)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--method=nothing",), "--method must be one of frs, "),
        (("--epochs=150",), "--prune_until must be less than --epochs"),
        (("--method=pca", "--prune_until=16", "--epochs=20"), "The last pruning is missed"),
        (("--prune_channels=0", "--epochs=200"), "`channels` must be positive"),
        (("--epochs=200", "--checkpoint_steps=-1"), "--checkpoint_steps must be at least 0"),
    ],
)
def test_flags_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        parsed(*arguments)
