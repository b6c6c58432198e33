import numpy as np
import pytest
from PIL import Image

from tasks.datasets.decode import decoded, decoded_masks, image_files


def save(path, pixels, mode=None):
    Image.fromarray(np.asarray(pixels, "uint8"), mode).save(path)
    return path


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_as_many_channels_as_are_wanted(tmp_path, channels):
    path = save(tmp_path / "a.png", np.full((4, 6, 3), 100))
    images = decoded([path], (4, 6, channels), "reading")
    assert images.shape == (1, 4, 6, channels) and np.all(images[..., 0] == 100)


def test_masks_keep_their_numbers_when_resized(tmp_path):
    mask = np.zeros((8, 8))
    mask[:, 4:] = 7
    found = decoded_masks([save(tmp_path / "m.png", mask)], (4, 4), "reading")
    np.testing.assert_array_equal(found[0], mask[:4, ::2])
    assert found.dtype == np.int32


def test_masks_in_colours_are_refused(tmp_path):
    path = save(tmp_path / "m.png", np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match="m.png' has the mode RGB. Expected 8 bits in one channel"):
        decoded_masks([path], (4, 4), "reading")


def test_files_that_are_images(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["a.png", "b.JPG"]
