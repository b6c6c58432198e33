import pytest

from benchmarks.kill_soak.phases import PHASES, durations

DONE = """[1/4] train: done already (dense.keras)
[2/4] select: choose the channels that stay
      select took 12.5 s
[3/4] rewrite: rewrite the network
      rewrite took 3.0 s
"""
TUNED = (
    DONE
    + """[4/4] finetune: fine-tune the pruned network
Going on after epoch 1 of 4.
"""
)
EPOCHS = """epoch 2/4  loss  1.9341  accuracy 29.52%  S 0.593  lr 4.25e-02  6.0 s
epoch 3/4  loss  1.8389  accuracy 36.09%  S 0.621  lr 1.65e-02  9.0 s
"""
SECONDS = {"train": 50.0, "select": 10.0, "finetune": 40.0}


@pytest.mark.parametrize(
    "phase,log,expected",
    [
        ("training", TUNED + EPOCHS, None),
        ("statistics", "[2/4] select: done already (plan.json)\n", None),
        ("statistics", DONE, 4.5),
        ("rewritten", DONE, None),
        ("rewritten", TUNED, 4.0),
        ("fine-tuning", TUNED, None),
        ("fine-tuning", TUNED + EPOCHS, 3.0),
    ],
)
def test_half_way_into_a_phase(phase, log, expected):
    assert PHASES[phase].delay(log, 0.5, SECONDS) == expected


def test_durations_of_the_stages_that_have_ended():
    assert durations(TUNED) == {"select": 12.5, "rewrite": 3.0}
