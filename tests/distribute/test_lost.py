import pytest

from ccm_tf.distribute.lost import lost_processes_named, lost_workers_named


@pytest.mark.tensorflow
def test_a_worker_that_is_gone():
    import tensorflow as tf

    with pytest.raises(ConnectionError, match="is gone, .*TensorFlow said: Socket closed"):
        with lost_workers_named():
            raise tf.errors.UnavailableError(None, None, "Socket closed\nmore")


@pytest.mark.tensorflow
def test_other_errors_stay_what_they_are():
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError):
        with lost_workers_named():
            raise tf.errors.InvalidArgumentError(None, None, "shapes")


def test_a_process_of_jax_that_is_gone():
    with pytest.raises(ConnectionError, match="is gone, .*JAX said: UNKNOWN: Gloo AllGather"):
        with lost_processes_named():
            raise ValueError("UNKNOWN: Gloo AllGather failed: Connection reset by peer\nmore")
    with pytest.raises(ValueError, match="^shapes$"):
        with lost_processes_named():
            raise ValueError("shapes")
