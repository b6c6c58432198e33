import json

import numpy as np
import pytest

from benchmarks import independence


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("independence") / "result.json"
    sizes = {"width": 0.0625, "batches": 2, "batch": 4, "channels": 2, "compared_images": 3}
    flags = [f"--{name}={value}" for name, value in sizes.items()]
    independence.main([*flags, f"--output={path}"])
    return json.loads(path.read_text())


def test_twelve_maps_of_the_specification(result):
    pixels = [row["pixels"] for row in result["results"]]
    assert pixels == [1024, 256, 256, 64, 64, 64, 16, 16, 16, 4, 4, 4]
    widths = [row["channels"] for row in result["results"]]
    assert widths == [4, 4, 8, 8, 16, 16, 16, 32, 32, 32, 32, 32]


def test_the_three_ways_agree(result):
    assert result["total"]["max_difference"] < 1e-12
    assert result["total"]["max_relative_difference"] < 1e-6
    assert 0 < result["total"]["gram_max_difference"] < 1e-6


def test_extrapolation_counts_one_decomposition_per_channel_and_image(result):
    for row in result["results"]:
        assert row["decompositions"] == 2 * 4 * (row["channels"] + 1)
    total = result["total"]
    assert total["decompositions"] == sum(r["decompositions"] for r in result["results"])
    assert total["svd_seconds"] == pytest.approx(sum(r["svd_seconds"] for r in result["results"]))


def test_images_are_smooth():
    images = independence.smooth_images(4)
    assert images.shape == (4, 32, 32, 3) and images.std() == pytest.approx(1, rel=1e-5)
    neighbours = np.corrcoef(images[:, 1:].ravel(), images[:, :-1].ravel())[0, 1]
    assert neighbours > 0.5
