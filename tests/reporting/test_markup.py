import pytest

from ccm_tf.reporting.markup import figure, section, shortened, table, text
from tests.reporting.html_checker import whole


@pytest.mark.parametrize(
    "name,most,expected",
    [
        ("conv1", 8, "conv1"),
        ("abcdefgh", 8, "abcdefgh"),
        ("abcdefghi", 8, "abcd…ghi"),
        ("abcdefghij", 9, "abcd…ghij"),
    ],
)
def test_long_names_keep_both_ends(name, most, expected):
    assert shortened(name, most) == expected
    assert len(expected) <= most


def test_titles_are_escaped_everywhere():
    made = section("<a>", "", figure("<b>", "")) + table(["", "<c>"], [["name", "1"]])
    whole(made)
    assert not {"<a>", "<b>", "<c>"} & {made[i : i + 3] for i in range(len(made))}
    assert text('"') == "&quot;"


def test_cells_know_their_column():
    assert '<td data-label="MACs">1</td>' in table(["", "MACs"], [["dense", "1"]])
