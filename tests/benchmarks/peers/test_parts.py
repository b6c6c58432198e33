from benchmarks.peers.methods import OURS, OWN, PEERS, THEIRS
from benchmarks.peers.parts import order


def test_both_tools_take_turns():
    found = list(order([0.5, 0.25]))
    assert [tool for tool, _, _ in found[:4]] == [OURS, THEIRS, OURS, THEIRS]
    assert [budget for _, _, budget in found] == sorted((b for _, _, b in found), reverse=True)
    for tool, methods in ((OURS, OWN), (THEIRS, PEERS)):
        mine = [method for other, method, budget in found if other == tool and budget == 0.25]
        assert mine == list(methods)
