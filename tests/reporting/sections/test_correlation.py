from ccm_tf.reporting.sections.correlation import correlation
from tests.reporting import examples


def test_numbers_beside_the_matrices():
    page = correlation(examples.content())
    assert page.count("<img") == 2
    assert "90 % of the variance in <b>3</b>" in page and "mean |r| <b>0.12</b>" in page
