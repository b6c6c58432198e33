import pytest

from ccm_tf.reporting import numbers


@pytest.mark.parametrize(
    "shown,value,text",
    [
        (numbers.count, 1_404_457, "1.40 M"),
        (numbers.count, 313_463_808, "313 M"),
        (numbers.count, 2_134, "2,134"),
        (numbers.count, 21_340, "21.3 k"),
        (numbers.count, 4_087_136_256, "4.09 G"),
        (numbers.size, 58_900_000, "58.9 MB"),
        (numbers.size, 340_200, "340 kB"),
        (numbers.milliseconds, 0.2139, "0.214 ms"),
        (numbers.milliseconds, 12.34, "12.3 ms"),
        (numbers.percent, 0.9364, "93.64 %"),
        (numbers.three_digits, 0.02134, "0.0213"),
        (numbers.three_digits, 2134.5, "2,134"),
    ],
)
def test_three_digits_and_a_unit(shown, value, text):
    assert shown(value) == text


def test_change_against_the_dense_network():
    assert numbers.change(49.6, 314.6) == "−84.2 %"
    assert numbers.change(110, 100) == "+10.0 %"
    assert numbers.change(1, 0) == "+0.0 %"
