from ccm_tf.reporting.sections.frozen import frozen
from tests.reporting import examples


def test_names_layers_counts_and_reasons():
    page = frozen(examples.content())
    assert "&lt;logits&gt;" in page and "4 of 4" in page
    assert "is an output of the model" in page and "conv1" not in page


def test_says_nothing_where_everything_is_free():
    free = [row for row in examples.values()["layers"] if not row["frozen"]]
    assert frozen(examples.content(layers=free)) == ""
