from ccm_tf.reporting.sections.spectra import spectra
from tests.reporting import examples


def test_principal_components_are_named_as_such():
    page = spectra(examples.content())
    assert "principal components" in page and "3 stay" in page


def test_other_scores_and_many_groups():
    (group,) = examples.values()["groups"]
    plan = {"criterion": {"name": "a<b"}, "target": {}}
    page = spectra(examples.content(plan=plan, groups=[group] * 20))
    assert "a&lt;b" in page and page.count("<figure>") == 10 and "One in 2 groups" in page
