from benchmarks.accuracy import tables
from benchmarks.accuracy.summary import group


def test_pruned_networks_have_a_column_per_stage(result_row):
    rows = [
        result_row(0.5, criterion="pca", macs=0.25, stage="slice"),
        result_row(0.6, criterion="pca", macs=0.5, stage="slice"),
        result_row(0.8, criterion="pca", macs=0.5, stage="finetune"),
    ]
    head, _, large, small = tables.pruned_networks(list(group(rows).values()))
    assert head.endswith("| slice | finetune |")
    assert large == "| 50 % | none | pca | 1 k | 2.00 M | 60.00 (1) | 80.00 (1) |"
    assert small.endswith("| 50.00 (1) | – |")


def test_stages_may_differ_in_size(result_row):
    labels = {"criterion": "pca", "macs": 0.5}
    rows = [result_row(0.5, stage=stage, **labels) for stage in ("slice", "eigen")]
    rows[1]["params"] = 3000
    *_, line = tables.pruned_networks(list(group(rows).values()))
    assert "| 1–3 k | 2.00 M |" in line


def test_spread_needs_two_seeds(result_row):
    (one,) = group([result_row(0.5)]).values()
    (two,) = group([result_row(0.5), result_row(0.7, seed=1)]).values()
    assert tables.spread(one) == "50.00 (1)"
    assert tables.spread(two) == "60.00 ± 14.14 (2)"


def test_nothing_folded_is_no_table(result_row):
    (alone,) = group([result_row(0.5, criterion="pca", macs=0.5, stage="slice")]).values()
    assert tables.folding([alone]) == []
