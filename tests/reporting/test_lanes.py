import pytest

from ccm_tf.reporting.lanes import Row, lanes


def test_a_chain_stays_in_one_lane():
    assert lanes(3, [(0, 1), (1, 2)]) == [
        Row(0, (), (), (0,)),
        Row(0, (), (0,), (0,)),
        Row(0, (), (0,), ()),
    ]


def test_a_shortcut_takes_a_lane_beside():
    first, inside, end = lanes(3, [(0, 1), (1, 2), (0, 2)])
    assert first == Row(0, (), (), (0, 1))
    assert inside == Row(0, (1,), (0,), (0,))
    assert end == Row(0, (), (0, 1), ())


def test_lanes_are_used_again():
    # Two blocks with shortcuts, one behind the other.
    edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4)]
    assert {lane for row in lanes(5, edges) for lane in row.leaving} == {0, 1}


def test_a_second_input_starts_in_a_lane_of_its_own():
    rows = lanes(3, [(0, 2), (1, 2)])
    assert [row.lane for row in rows] == [0, 1, 0]
    assert rows[1].through == (0,)


@pytest.mark.parametrize("edges", [[(0, 3), (1, 3), (2, 3), (0, 4), (3, 4)], [(0, 4), (1, 2)]])
def test_every_edge_goes_in_one_lane_from_its_source_to_its_target(edges):
    rows = lanes(5, edges)
    for source, target in edges:
        ways = [
            lane
            for lane in rows[source].leaving
            if lane in rows[target].arriving
            and all(lane in row.through for row in rows[source + 1 : target])
        ]
        assert ways, (source, target)
    for row in rows:
        assert row.lane not in row.through
