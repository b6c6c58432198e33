import pytest


def test_training_and_fine_tuning_differ_where_they_should(make_settings):
    settings = make_settings("--learning_rate=0.1", "--finetune_learning_rate=0.02")
    assert (settings.train.epochs, settings.finetune.epochs) == (2, 1)
    assert (settings.train.learning_rate, settings.finetune.learning_rate) == (0.1, 0.02)
    assert (settings.train.ccm_weight, settings.finetune.ccm_weight) == (0.01, 0.0)
    assert settings.train.l2 == settings.finetune.l2


def test_fine_tuning_takes_the_learning_rate_of_the_training(make_settings):
    assert make_settings("--learning_rate=0.1").finetune.learning_rate == 0.1


def test_targets_above_one_are_numbers(make_settings):
    budget = make_settings("--macs=250000").selection.budget
    assert (budget.kind, budget.value) == ("macs", 250_000) and isinstance(budget.value, int)


def test_where_the_images_lie_may_change(make_settings):
    assert make_settings().flags == make_settings("--data_dir=elsewhere").flags


def test_learning_rate_covers_all_epochs(make_settings):
    assert make_settings("--epochs=7").train.make_schedule(10).get_config()["steps"] == 70


@pytest.mark.parametrize(
    "flag,message",
    [
        ("--epochs=0", "--epochs must be at least 1. Received: --epochs=0"),
        ("--finetune_epochs=0", "--finetune_epochs must be at least 1"),
        ("--batch_size=0", "--batch_size must be at least 1"),
        ("--learning_rate=0", "--learning_rate must be above 0"),
        ("--l2=-1", "--l2 must be at least 0"),
        ("--schedule=step", "--schedule must be one of .*warmup_cosine"),
        ("--schedule=warmup_cosine", "--warmup_epochs must be less than --epochs"),
        ("--warmup_epochs=-1", "--warmup_epochs must be at least 0"),
        ("--ccm_weight=-0.1", "--ccm_weight must be at least 0"),
        ("--ccm_over=pixels", "--ccm_over must be one of .*mean_map"),
        ("--dataset=mnist", "--dataset must be one of cifar10, digits, image_folder"),
        ("--width=0", "--width must be above 0"),
        ("--seed=-1", "--seed must be at least 0"),
        ("--validation_split=1", "--validation_split must be at least 0 and below 1"),
        ("--criterion=best", "Unknown criterion. Expected one of .*'independence', .*'pca'"),
        ("--scope=layer", r"--scope must be one of \('global', 'relative', 'local'\)"),
        ("--fold=paper", "--fold must be one of"),
        ("--statistics_batches=0", "--statistics_batches must be at least 1"),
        ("--macs=0", "`macs` must be a fraction"),
        ("--energy=0.5", "exactly one of"),
    ],
)
def test_refuses_what_makes_no_sense(make_settings, flag, message):
    with pytest.raises(ValueError, match=message):
        make_settings(flag)


@pytest.mark.parametrize("energy", ["0", "1.01", "-0.5"])
def test_energy_is_a_share(make_settings, energy):
    with pytest.raises(ValueError, match=r"`energy` must be in \(0, 1\]"):
        make_settings(f"--energy={energy}", without="--macs")


def test_a_target_is_needed(make_settings):
    with pytest.raises(ValueError, match="how far to prune. Pass one of --energy, "):
        make_settings(without="--macs")
