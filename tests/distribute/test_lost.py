import pytest

from ccm_tf.distribute.lost import lost_workers_named

pytestmark = pytest.mark.tensorflow


def test_a_worker_that_is_gone():
    import tensorflow as tf

    with pytest.raises(ConnectionError, match="is gone, .*TensorFlow said: Socket closed"):
        with lost_workers_named():
            raise tf.errors.UnavailableError(None, None, "Socket closed\nmore")


def test_other_errors_stay_what_they_are():
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError):
        with lost_workers_named():
            raise tf.errors.InvalidArgumentError(None, None, "shapes")
