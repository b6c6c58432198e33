import pytest


def test_limits_reach_the_planner(make_settings):
    selection = make_settings(
        "--round_to=8", "--min_channels=2", "--max_ratio=0.5", "--ratios=conv1:0.5,stage3_*:0.25"
    ).selection
    assert selection.limits == {
        "round_to": 8,
        "min_channels": 2,
        "max_ratio": 0.5,
        "ratios": {"conv1": 0.5, "stage3_*": 0.25},
    }


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--round_to=0", "`round_to` must be a positive integer"),
        ("--min_channels=0", "`min_channels` must be a positive integer"),
        ("--max_ratio=1.5", "`max_ratio` must be in"),
        ("--ratios=conv1", "--ratios must be pairs of a layer and a share, as conv1:0.5"),
        ("--ratios=conv1:most", "--ratios must be pairs"),
        ("--ratios=conv1:1", "A ratio is the share of channels to remove"),
    ],
)
def test_limits_that_make_no_sense(make_settings, flag, message):
    with pytest.raises(ValueError, match=message):
        make_settings(flag)


def test_nothing_says_how_far_to_go(make_settings):
    with pytest.raises(ValueError, match="Nothing says how far to prune. Pass one of --energy"):
        make_settings(without="--macs")


def test_budgets_in_time_and_tables(make_settings, tmp_path):
    from ccm_tf.latency.table import LatencyTable

    table = LatencyTable("phone", threads=2)
    table.save(tmp_path / "phone.json")
    selection = make_settings(
        "--latency=0.5", f"--latency_table={tmp_path / 'phone.json'}", without="--macs"
    ).selection
    assert (selection.budget.kind, selection.budget.value) == ("latency", 0.5)
    assert selection.limits["latency_table"] == table
    assert make_settings("--latency_ms=12", without="--macs").selection.budget.value == 12
    with pytest.raises(ValueError, match="exactly one of"):
        make_settings("--latency=0.5")
    with pytest.raises(ValueError, match="`latency` must be a fraction"):
        make_settings("--latency=2", without="--macs")


def test_numbers_to_export(make_settings):
    assert make_settings().selection.quantize == ()
    assert make_settings("--quantize=int8,float16,int8").selection.quantize == ("int8", "float16")
    with pytest.raises(ValueError, match="--quantize must be some of float16.*=int8,int4"):
        make_settings("--quantize=int8,int4")
