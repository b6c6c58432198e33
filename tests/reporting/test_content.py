from ccm_tf.reporting.content import criterion_of, stages, with_stages
from tests.reporting import examples


def test_stages_are_there_by_name_and_in_order():
    values = examples.values()
    assert values["stages"] == ["dense", "pruned", "finetuned", "tflite", "int8"]
    assert values["dense"]["accuracy"] == 0.98
    assert stages(values)[-1] is values["int8"]
    assert stages(with_stages(examples.stages())) == examples.stages()


def test_who_chose_the_channels():
    assert criterion_of(examples.values()) == "pca"
    assert criterion_of({}) == criterion_of({"plan": {"criterion": {}}}) == ""
