import pytest

from ccm_tf.latency.timing import Latency, Spent, interleaved, median_alone


def test_calls_take_turns():
    said = []
    calls = [lambda: said.append("a"), lambda: said.append("b")]
    times = interleaved(calls, runs=4, rounds=2, warm_up=1)
    assert "".join(said) == "ab" + "aabb" * 2
    assert [[len(turn) for turn in turns] for turns in times] == [[2, 2], [2, 2]]


def test_the_first_calls_of_a_turn_are_not_counted():
    said = []
    calls = [lambda: said.append("a"), lambda: said.append("b")]
    times = interleaved(calls, runs=4, rounds=2, warm_up=0, settle=3)
    assert "".join(said) == "aaaaabbbbb" * 2
    assert [[len(turn) for turn in turns] for turns in times] == [[2, 2], [2, 2]]


def test_preparation_comes_before_every_timed_call():
    said = []
    call, ready = (lambda: said.append("call")), (lambda: said.append("ready"))
    interleaved([call], runs=2, rounds=1, warm_up=0, before=[ready])
    assert said == ["ready", "call"] * 2


@pytest.mark.parametrize("runs, rounds", [(1, 2), (3, 0)])
def test_numbers_that_make_no_sense(runs, rounds):
    with pytest.raises(ValueError, match=f"Received: runs={runs}, rounds={rounds}"):
        interleaved([], runs, rounds)


def test_figures_by_hand():
    # The second turn ran on a machine at half its speed.
    fast = Latency("fast", "x", ((1.0, 1.0, 2.0), (2.0, 2.0, 4.0)))
    slow = Latency("slow", "x", ((3.0, 3.0, 9.0), (6.0, 6.0, 6.0)))
    assert fast.median_ms == 2.0 and fast.min_ms == 1.0 and fast.runs == 6
    assert fast.quartiles_ms == (1.25, 2.0)
    assert fast.times_faster_than(slow) == 3.0
    assert slow.times_faster_than(fast) == pytest.approx(1 / 3)
    assert fast.as_dict()["quartile_ms"] == [1.25, 2.0]
    assert fast.processor_ms is None


def test_what_a_thread_computes_is_told_apart_from_what_it_waits():
    turns = [[Spent(9.0, 1.0), Spent(1.0, 1.0)], [Spent(8.0, 2.0)]]
    assert median_alone(turns, threads=1) == 1.0
    assert median_alone(turns, threads=2) == 8.0
    busy = Latency("busy", "x", ((9.0,),), ((2.0,),))
    other = Latency("other", "x", ((9.0,),), ((6.0,),))
    assert busy.processor_ms == 2.0
    assert busy.times_faster_than(other) == 1.0
    assert busy.times_faster_than(other, processor=True) == 3.0
