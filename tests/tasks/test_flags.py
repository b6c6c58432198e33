import pathlib

import pytest
from absl import flags as absl_flags

import tasks
from tasks import flags
from tasks.adversarial import flags as adversarial
from tasks.eigendamage import flags as eigendamage
from tasks.gradual import flags as gradual
from tasks.imagenet import settings as imagenet

# Programs with flags of their own, by what the names of their flag files hold.
PROGRAMS = {
    "_aip_": adversarial,
    "_eigendamage_": eigendamage,
    "_frs_": gradual,
    "resnet50_": imagenet,
}
FOLDER = pathlib.Path(tasks.__file__).parent / "flagfiles"


def read(name):
    values = absl_flags.FlagValues()
    flags.define(values)
    absl_flags.DEFINE_integer("depth", 56, "", flag_values=values)
    values(["program", f"--flagfile={FOLDER / name}"])
    network = "vgg16" if name.startswith(("vgg16", "quickstart")) else f"resnet{values.depth}"
    return flags.read(network, values)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.flags")))
def test_every_flag_file_is_a_run(name, monkeypatch):
    # Flag files that include others name them from the root of the repository.
    monkeypatch.chdir(FOLDER.parent.parent)
    program = next((p for word, p in PROGRAMS.items() if word in name), None)
    if program is None:
        settings = read(name)
    else:
        values = absl_flags.FlagValues()
        program.define(values)
        values(["program", f"--flagfile={FOLDER / name}"])
        settings = program.read(values)
    assert settings.output_dir == f"out/{name.removesuffix('.flags')}"


@pytest.mark.parametrize(
    "name,network,weight",
    [
        ("vgg16_ccm_paper", "vgg16", 0.01),
        ("vgg16_ccm_paper_script", "vgg16", 0.09),
        ("resnet56_ccm_paper", "resnet56", 0.01),
        ("resnet56_ccm_paper_script", "resnet56", 0.0499),
        ("resnet110_ccm_paper", "resnet110", 0.004),
        ("resnet110_ccm_paper_script", "resnet110", 0.025),
    ],
)
def test_the_papers_recipe(name, network, weight, monkeypatch):
    monkeypatch.chdir(FOLDER.parent.parent)
    settings = read(f"{name}.flags")
    train, finetune = settings.train, settings.finetune
    assert (settings.network, settings.width, settings.dataset) == (network, 1.0, "cifar10")
    assert (train.ccm_weight, train.ccm_over, finetune.ccm_weight) == (weight, "mean_map", 0.0)
    assert (train.epochs, finetune.epochs, train.batch_size) == (400, 600, 256)
    assert (train.learning_rate, finetune.learning_rate, train.warmup_epochs) == (0.01, 0.01, 5)
    assert train.schedule == "warmup_cosine"
    # The published weight decay of 0.005 is twice the factor of the sum of squares.
    assert train.l2 == finetune.l2 == 0.005 / 2
    assert (settings.selection.criterion, settings.selection.batches) == ("independence", 5)
    assert settings.selection.budget.kind == "energy"


def test_quickstart_removes_seven_tenths(monkeypatch):
    monkeypatch.chdir(FOLDER.parent.parent)
    settings = read("quickstart.flags")
    assert settings.dataset == "digits" and settings.selection.budget.kind == "macs"
    assert settings.selection.budget.value <= 0.3


def test_output_and_stages_do_not_tell_runs_apart():
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program", "--macs=0.5", "--stages=train", "--skip=export", "--debug"])
    settings = flags.read("vgg16", values)
    assert not {"output_dir", "stages", "skip", "debug", "data_dir"} & set(settings.flags)
    assert settings.flags["network"] == "vgg16" and settings.flags["seed"] == 0
