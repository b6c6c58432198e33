import pytest

from tests.tasks.compression.conftest import read

NEEDED = ("--model=net.keras", "--data_dir=images", "--macs=0.5")


def test_defaults():
    settings = read(*NEEDED)
    assert settings.finetune is None and settings.story == "Not fine-tuned"
    assert settings.selection.criterion == "pca" and settings.selection.fold == "least_squares"
    assert settings.title == "net.keras, pruned"


def test_what_fine_tuning_is():
    settings = read(*NEEDED, "--finetune_epochs=3", "--teacher=dense", "--learning_rate=0.01")
    assert (settings.finetune.epochs, settings.finetune.learning_rate) == (3, 0.01)
    assert settings.story == "Fine-tuned for 3 epochs, taught by the dense model"


def test_where_files_lie_may_change_but_not_what_is_computed():
    assert read(*NEEDED).flags == read(*NEEDED, "--data_dir=elsewhere", "--import=mine").flags
    assert read(*NEEDED).flags != read(*NEEDED, "--scale=unit").flags
    assert read(*NEEDED).flags == read(*NEEDED, "--dry_run", "--skip=export").flags


@pytest.mark.parametrize("kind", ["energy", "channels", "macs", "params", "bytes"])
def test_every_budget(kind):
    budget = read(*NEEDED[:2], f"--{kind}=0.25").selection.budget
    assert (budget.kind, budget.value) == (kind, 0.25)


def test_sizes_of_images():
    assert read(*NEEDED, "--image_size=96").inputs.image_size == (96, 96)
    assert read(*NEEDED, "--image_size=64,48").inputs.image_size == (64, 48)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model="], "--model is missing, for example --model=net.keras"),
        (["--data_dir="], "--data_dir is missing"),
        (["--seed=-1"], "--seed must be at least 0"),
        (["--teacher=me"], "--teacher must be one of"),
        (["--teacher=dense"], "teaches during fine-tuning: pass --finetune_epochs"),
        (["--finetune_epochs=-1"], "--finetune_epochs must be at least 0"),
        (["--finetune_epochs=1", "--learning_rate=0"], "--learning_rate must be above 0"),
        (["--scale=bright"], "--scale must be one of auto, unit, symmetric, pixels"),
        (["--mean=0.5", "--std=0.5,0.5"], "--mean and --std go together"),
        (["--mean=a", "--std=1"], "--mean must be numbers. Received: --mean=a"),
        (["--mean=0.5", "--std=0"], "--std must be numbers above 0"),
        (["--mean=0.5", "--std=0.5", "--scale=unit"], "without --scale"),
        (["--image_size=big"], "--image_size must be a side in pixels"),
        (["--image_size=1,2,3"], "--image_size must be a side in pixels"),
        (["--test_split=0"], "--test_split must be above 0"),
        (["--labels=yes"], "--labels must be auto or none"),
        (["--plan=plan.json"], "--plan says which channels stay, and --macs asks to choose"),
    ],
)
def test_refuses_what_makes_no_sense(flags, message):
    with pytest.raises(ValueError, match=message):
        read(*NEEDED, *flags)
