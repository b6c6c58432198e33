from absl import flags as absl_flags

from tasks.compression import flags


def test_help_names_every_scale_and_layout():
    values = absl_flags.FlagValues()
    flags.define(values)
    text = values.get_help()
    for word in ("symmetric", "caffe", "train/<class>", "masks", "least_squares", "--round_to"):
        assert word in text, word
    assert "statistics_batches" not in text
