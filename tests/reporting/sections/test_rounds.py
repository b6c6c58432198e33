from ccm_tf.reporting.content import Content
from ccm_tf.reporting.sections.rounds import rounds
from tests.reporting import examples


def test_a_row_per_round():
    page = rounds(Content(examples.round_values()))
    for expected in ("50.00 %", "20.00 %", "80.00 %", "−81.7 %", "−75.1 %", "goes on with what"):
        assert expected in page, expected


def test_one_pass_starts_anew_and_unlabelled_images_have_no_accuracy():
    values = examples.round_values() | {"protocol": "one_pass"}
    values["rounds"].append({"round": 2, "cut_accuracy": None})
    page = rounds(Content(values))
    assert "starts from the dense network" in page and "–" in page


def test_rounds_of_an_iteration_bring_their_own_sizes():
    row = {"round": 1, "score": 0.75, "params": 471_661, "macs": 9_962_112}
    page = rounds(Content(examples.values() | {"rounds": [row]}))
    for expected in ("recovered, validation images", "75.00 %", "−50.0 %"):
        assert expected in page, expected
    assert "dropped" not in page and "dense network." not in page
