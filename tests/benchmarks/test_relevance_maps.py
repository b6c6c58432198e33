import numpy as np
import pytest

from benchmarks import relevance_maps


def test_a_picture_is_drawn(tmp_path):
    path = tmp_path / "maps.png"
    images = np.random.default_rng(0).uniform(size=(3, 8, 8, 1))
    relevance_maps.draw(images, images - 0.5, path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_run_draws_ten_digits(tmp_path, capsys):
    path = tmp_path / "maps.png"
    relevance_maps.main(["--epochs=1", f"--output={path}"])
    assert path.is_file() and "test accuracy" in capsys.readouterr().out
