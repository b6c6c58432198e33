import pytest

from benchmarks.kill_soak.phases import PHASES, begun, durations

LOG = """Data: digits
[1/4] train: done already (dense.keras)
[2/4] select: choose the channels that stay
      select took 12.5 s
[3/4] rewrite: rewrite the network
"""


@pytest.mark.parametrize(
    "stage,expected", [("train", False), ("select", True), ("rewrite", True), ("finetune", False)]
)
def test_a_stage_that_is_done_already_does_not_begin(stage, expected):
    assert begun(LOG, stage) is expected


def test_durations_of_the_stages_that_have_ended():
    assert durations(LOG) == {"select": 12.5}


def test_phases_of_a_stage_do_not_overlap():
    assert PHASES["rewritten"].last < PHASES["fine-tuning"].first
    assert all(0 <= phase.first < phase.last < 1 for phase in PHASES.values())
