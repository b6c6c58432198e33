from ccm_tf.reporting.content import by_name, criterion_of, final
from tests.reporting import examples


def test_stages_by_name_and_the_last_of_them():
    values = examples.values()
    assert list(by_name(values)) == ["dense", "pruned", "finetuned", "tflite", "int8"]
    assert final(values) is by_name(values)["int8"]


def test_who_chose_the_channels():
    assert criterion_of(examples.values()) == "pca"
    assert criterion_of({}) == criterion_of({"plan": {"criterion": {}}}) == ""
