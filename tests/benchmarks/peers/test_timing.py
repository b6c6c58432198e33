from benchmarks.peers.timing import timed


def test_the_last_result_of_all_repeats_is_returned():
    given = iter(range(10))
    result, spent = timed(lambda number: number, prepare=lambda: next(given), repeats=3)
    assert result == 2 and spent["repeats"] == 3
    assert spent["seconds"] >= 0 and spent["processor_seconds"] >= 0


def test_what_takes_longer_than_the_limit_is_done_once():
    done = []
    _, spent = timed(lambda: done.append(1), repeats=5, limit=0)
    assert len(done) == spent["repeats"] == 1
