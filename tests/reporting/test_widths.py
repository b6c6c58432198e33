import ccm_tf
from ccm_tf.reporting.widths import cut_lines, group_rows, kept_counts, layer_rows
from tests import zoo


def plan_and_graph():
    model = zoo.residual()
    plan = ccm_tf.PruningPlan.from_kept(model, {"stem": [0, 1], "b1_conv1": [0]})
    return plan, ccm_tf.ChannelGraph(model)


def test_tied_layers_share_a_row():
    plan, graph = plan_and_graph()
    rows = {row["layers"][0]: row for row in layer_rows(graph, kept_counts(plan))}
    assert rows["stem"]["layers"] == ["stem", "b1_conv2", "b2_conv2"]
    assert (rows["stem"]["width"], rows["stem"]["kept"]) == (4, 2)
    assert rows["b1_conv1"]["kept"] == 1


def test_layers_that_are_not_named_keep_everything():
    _, graph = plan_and_graph()
    assert all(row["kept"] == row["width"] for row in layer_rows(graph, {}))


def test_groups_as_the_plan_says_now():
    plan, graph = plan_and_graph()
    (row,) = group_rows(plan, graph, {"stem": [3.0, 1.0, 0.5, 0.1]})
    assert row == {"name": "stem", "width": 4, "kept": 2, "scores": [3.0, 1.0, 0.5, 0.1]}


def test_lines_say_what_goes_what_stays_and_why():
    plan, graph = plan_and_graph()
    plan.notes.append("close enough")
    text = "\n".join(cut_lines(plan, graph))
    assert "stem + 2 tied       4 ->      2" in text
    assert "stays: is an output of the model" in text.replace("logits", "")
    assert "macs" in text and text.endswith("note: close enough")
