import numpy as np
import pytest
from PIL import Image

from tasks.datasets import image_folder


@pytest.fixture
def folder(tmp_path):
    """Two classes, three training images and one test image of each."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 3), ("test", 1)):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = generator.integers(0, 256, (32, 32, 3), "uint8")
                Image.fromarray(pixels).save(tmp_path / split / name / f"{i}.png")
    return tmp_path


def test_reads_every_image_with_its_class(folder):
    source = image_folder.load(folder)
    assert source.classes == ("cat", "dog")
    np.testing.assert_array_equal(source.train.labels, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(source.test.labels, [0, 1])
    stored = np.asarray(Image.open(folder / "train" / "dog" / "1.png"))
    np.testing.assert_array_equal(source.train.images[4], stored)
    assert source.preprocessing.mean == (0.4914, 0.4822, 0.4465)


def test_converts_size_mode_and_suffix(folder):
    Image.new("L", (50, 40), 200).save(folder / "train" / "cat" / "x.JPG", "JPEG")
    Image.new("RGBA", (8, 8), (255, 0, 0, 255)).save(folder / "train" / "cat" / "y.png")
    (folder / "train" / "cat" / "notes.txt").write_text("not an image")
    images = image_folder.load(folder).train.images
    assert images.shape == (8, 32, 32, 3)
    np.testing.assert_array_equal(images[3], 200)
    np.testing.assert_array_equal(images[4], np.broadcast_to([255, 0, 0], (32, 32, 3)))


def test_names_a_corrupt_image(folder):
    broken = folder / "train" / "dog" / "1.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"Cannot read the image '.*dog/1\.png'.*Replace"):
        image_folder.load(folder)


def test_names_a_file_that_is_no_image(folder):
    (folder / "test" / "cat" / "0.png").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"test/cat/0\.png"):
        image_folder.load(folder)


def test_needs_a_folder():
    with pytest.raises(ValueError, match="needs --data_dir"):
        image_folder.load()


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere' does not exist. Expected DIR/train"):
        image_folder.load(tmp_path / "nowhere")


def test_missing_test_folder(folder):
    for path in sorted((folder / "test").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (folder / "test").rmdir()
    with pytest.raises(FileNotFoundError, match="test' does not exist"):
        image_folder.load(folder)


def test_no_classes(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
    with pytest.raises(ValueError, match="holds no class folders"):
        image_folder.load(tmp_path)


def test_empty_class(folder):
    (folder / "train" / "bird").mkdir()
    with pytest.raises(ValueError, match="No images in '.*train/bird'"):
        image_folder.load(folder)


def test_classes_that_differ(folder):
    (folder / "test" / "dog").rename(folder / "test" / "frog")
    with pytest.raises(ValueError, match="only in train: dog; only in test: frog"):
        image_folder.load(folder)
