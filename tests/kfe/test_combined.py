import numpy as np
import pytest

import ccm_tf
from ccm_tf.kfe.eigen_plan import EigenPlan
from ccm_tf.kfe.factors import kronecker_factors
from ccm_tf.kfe.planner import plan
from ccm_tf.profile import profile
from ccm_tf.rewrite import rewrite
from tests import zoo
from tests.kfe.test_planner import network


@pytest.fixture
def model():
    return network()


@pytest.fixture
def images(model):
    return zoo.inputs_for(model, 24)


@pytest.mark.parametrize("kind", ["macs", "params"])
def test_one_budget_for_both(model, images, kind, tmp_path):
    made = plan(model, images, channels="magnitude", **{kind: 0.3})
    dense, slim = profile(model), profile(rewrite(model, made))
    share = made.channels.counts["kept"].get(kind) / getattr(dense, kind)
    assert 0.45 < share <= 0.3**0.5
    assert 0.2 * getattr(dense, kind) < getattr(slim, kind) <= 0.3 * getattr(dense, kind)
    assert made.counts["dense"][kind] == getattr(dense, kind)
    assert made.counts["kept"][kind] == getattr(slim, kind)
    assert made.layers and "first, channels:" in str(made)
    made.save(tmp_path / "plan.npz")
    again = rewrite(model, EigenPlan.load(tmp_path / "plan.npz"))
    np.testing.assert_array_equal(
        np.asarray(again(images)), np.asarray(rewrite(model, made)(images))
    )


def test_a_channel_plan_and_a_ratio(model, images):
    first = ccm_tf.plan(model, "magnitude", channels=0.7)
    made = plan(model, images, channels=first, ratio=0.4)
    slim = rewrite(model, made, fold="least_squares", data=images)
    assert slim.count_params() == made.counts["kept"]["params"]
    assert made.channels is first


def test_clear_errors(model, images):
    with pytest.raises(ValueError, match="pass the data instead"):
        plan(model, kronecker_factors(model, images), channels="magnitude", macs=0.3)
    with pytest.raises(ValueError, match="says nothing about channels"):
        plan(model, images, channels="magnitude", ratio=0.3)
    with pytest.raises(ValueError, match="`channel_share` must be in"):
        plan(model, images, channels="magnitude", macs=0.3, channel_share=1.0)
