import pytest

from ccm_tf.lrp.settings import Settings


def test_alpha_minus_beta_is_one():
    assert Settings(1.5, 0.5).beta == 0.5
    with pytest.raises(ValueError, match="must be 1"):
        Settings(2.0, 0.5)
    with pytest.raises(ValueError, match="must be 1"):
        Settings(0.5, -0.5)


def test_the_published_code_folds_nothing():
    assert Settings(fold_bn=True).fold_bn
    with pytest.raises(ValueError, match="does not fold batch normalisation"):
        Settings(fold_bn=True, reference=True)
