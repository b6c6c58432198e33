import pytest

from ccm_tf.conversion.quantization import QUANTIZATIONS, get_quantization


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_every_quantization_can_be_had(name):
    found = get_quantization(name, calibration=[])
    assert found.about and found.tolerance > 0 and found.measure in ("max", "rms")


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_calibration_is_asked_for_where_it_is_needed(name):
    if not QUANTIZATIONS[name].calibrated:
        assert get_quantization(name, None) is QUANTIZATIONS[name]
        return
    with pytest.raises(ValueError, match=r"needs `calibration`.*x_train\[:200\].*'dynamic'"):
        get_quantization(name, None)


def test_unknown_name():
    with pytest.raises(ValueError, match="must be one of None, .*Received: quantize='int3'"):
        get_quantization("int3", None)
