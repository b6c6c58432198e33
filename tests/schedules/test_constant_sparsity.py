from ccm_tf.schedules import ConstantSparsity


def test_without_an_end_it_goes_on():
    schedule = ConstantSparsity(0.25, 100)
    assert [step for step in range(0, 400) if schedule(step)[0]] == [100, 200, 300]
    assert schedule(10**9)[0] and schedule.last_step is None
    assert schedule(0) == (False, 0.25)


def test_with_an_end_it_stops():
    schedule = ConstantSparsity(0.25, 2, end_step=8, frequency=3)
    assert [step for step in range(20) if schedule(step)[0]] == [2, 5, 8]
