from benchmarks.peers.pieces import Pieces


def test_a_piece_is_made_once_and_again_with_other_settings(tmp_path):
    made = []

    def compute():
        made.append(1)
        return {"number": len(made)}

    for _ in range(2):
        pieces = Pieces(tmp_path / "pieces")
        assert pieces.get("one", {"widths": (1, 2)}, compute) == {"number": 1}
        assert pieces.seconds["one"] >= 0
    assert pieces.get("one", {"widths": (1, 3)}, compute) == {"number": 2}


def test_a_piece_that_fails_leaves_nothing(tmp_path):
    pieces = Pieces(tmp_path)
    try:
        pieces.get("one", {}, lambda: 1 / 0)
    except ZeroDivisionError:
        pass
    assert pieces.get("one", {}, lambda: 5) == 5
