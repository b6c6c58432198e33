from ccm_tf.reporting.content import Content
from ccm_tf.reporting.sections.rounds import rounds
from tests.reporting import examples


def test_a_row_per_round():
    page = rounds(Content(examples.round_values()))
    for expected in ("50.00 %", "20.00 %", "80.00 %", "−81.7 %", "−75.1 %", "goes on with what"):
        assert expected in page, expected


def test_one_pass_starts_anew_and_unlabelled_images_have_no_accuracy():
    values = examples.round_values() | {"protocol": "one_pass"}
    values["rounds"][0]["cut_accuracy"] = None
    page = rounds(Content(values))
    assert "starts from the dense network" in page and "–" in page
