import pytest

from ccm_tf.evaluating import Evaluating


def test_contexts_lie_within_each_other_and_end_with_an_error():
    one, other = Evaluating(), Evaluating()
    with one.evaluation():
        with one.evaluation():
            assert one.evaluating and not other.evaluating
        assert one.evaluating
    assert not one.evaluating
    with pytest.raises(RuntimeError), one.evaluation():
        raise RuntimeError
    assert not one.evaluating
