import os

from tasks.compression.stages import stages_of
from tests.tasks.compression.conftest import read

NEEDED = ("--model=net.keras", "--data_dir=images")


def names(*flags, dry_run=False):
    return [stage.name for stage in stages_of(read(*NEEDED, *flags), dry_run)]


def test_stages_that_are_asked_for():
    assert names("--macs=0.5") == ["take", "select", "rewrite", "export", "report"]
    assert "finetune" in names("--macs=0.5", "--finetune_epochs=1")
    assert names("--macs=0.5", dry_run=True) == ["take", "select"]


def test_newer_files_outside_count():
    take, select, *_ = stages_of(read(*NEEDED, "--plan=plan.json"))
    assert take.needs == (os.path.abspath("net.keras"),)
    assert os.path.abspath("plan.json") in select.needs
