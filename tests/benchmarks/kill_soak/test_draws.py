import collections
import itertools

from benchmarks.kill_soak.draws import VICTIMS, drawn, next_run
from benchmarks.kill_soak.phases import PHASES


def test_every_victim_in_every_phase():
    kills = drawn(20, seed=0)
    counts = collections.Counter((kill["phase"], kill["victim"]) for kill in kills)
    assert len(kills) == 20 and set(counts) == set(itertools.product(PHASES, VICTIMS))
    assert max(counts.values()) == 2
    assert all(0 <= kill["place"] < 1 for kill in kills)


def test_the_seed_decides():
    assert drawn(5, seed=1) == drawn(5, seed=1) != drawn(5, seed=2)


def test_a_run_suffers_its_kills_in_the_order_of_its_phases():
    kills = drawn(12, seed=0)
    chosen = next_run(kills, 5)
    assert len(chosen) == 5 and all(kill in kills[:5] for kill in chosen)
    places = [list(PHASES).index(kill["phase"]) for kill in chosen]
    assert places == sorted(places)
