from benchmarks.accuracy import front
from benchmarks.accuracy.summary import group


def _networks(result_row):
    trained = {"steps": [{"step": "train"}, {"step": "slice"}, {"learning_rate": 0.02}]}
    sliced = {"steps": [{"step": "train"}, {"step": "slice"}]}
    rows = [
        result_row(0.9) | {"macs_count": 4e6},
        result_row(0.8, criterion="good", macs=0.5, stage="finetune") | trained,
        result_row(0.7, criterion="beaten", macs=0.5, stage="finetune") | trained,
        result_row(0.95, criterion="untrained", macs=0.5, stage="slice") | sliced,
    ]
    return list(group(rows).values())


def test_only_networks_that_were_trained_are_compared(result_row):
    found = front.compared(_networks(result_row))
    assert [g.label("criterion") for g in found] == [None, "good", "beaten"]


def test_the_list_leaves_out_what_another_network_beats(result_row):
    lines = front.listed(front.compared(_networks(result_row)))[2:]
    assert [line.split(" | ")[3] for line in lines] == ["–", "good"]


def test_the_picture_holds_every_stage(result_row):
    figure = front.picture(front.compared(_networks(result_row)))
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == ["dense", "finetune"]
