from ccm_tf.reporting.content import Content
from ccm_tf.reporting.sections.settings import settings
from tests.reporting import examples


def test_flags_that_were_given():
    page = settings(examples.content())
    assert "--ccm_weight=0.01" in page and "--energy" not in page and "--network" not in page
    assert "Keras 3.15.1 on tensorflow" in page and "blue" not in page


def test_channel_order():
    run = examples.values()["run"] | {"bgr": True}
    assert "in the order blue, green, red" in settings(examples.content(run=run))


def test_a_library_users_report_has_none():
    assert "Settings" not in settings(Content(examples.bare()))
