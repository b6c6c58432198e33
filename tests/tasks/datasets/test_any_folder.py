import os

import numpy as np
import pytest
from PIL import Image

from tasks.datasets import any_folder


def image(path, value=0, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (4, 4), value if mode == "L" else (value,) * 3).save(path)


def same(masks):
    return masks


def test_train_and_test(tmp_path):
    for split, values in (("train", (10, 20)), ("test", (30,))):
        for name in ("cat", "dog"):
            for value in values:
                image(tmp_path / split / name / f"{value}.png", value)
    found = any_folder.find(tmp_path)
    assert (found.kind, found.classes) == ("split", ("cat", "dog"))
    train, test = any_folder.read(found, (4, 4, 3), same)
    assert train.images[:, 0, 0, 0].tolist() == [10, 20, 10, 20]
    assert train.labels.tolist() == [0, 0, 1, 1] and test.labels.tolist() == [0, 1]
    swapped = any_folder.find(tmp_path, ("dog", "cat"))
    assert swapped.classes == ("dog", "cat") and "dog" in str(swapped.train[0])


def test_class_folders(tmp_path):
    for name in ("a", "b"):
        image(tmp_path / name / "1.png")
    train, test = any_folder.read(any_folder.find(tmp_path), (4, 4, 3), same)
    assert train.labels.tolist() == [0, 1] and test is None


def test_masks(tmp_path):
    image(tmp_path / "images" / "1.png", 9)
    with pytest.raises(ValueError, match="1.png' has no mask '.*masks/1.png'|holds no images"):
        image(tmp_path / "masks" / "2.png", 1, "L")
        any_folder.find(tmp_path)
    image(tmp_path / "masks" / "1.png", 1, "L")
    train, _ = any_folder.read(any_folder.find(tmp_path), (4, 4, 3), same)
    assert train.labels.shape == (1, 4, 4) and np.all(train.labels == 1)


def test_images_alone(tmp_path):
    image(tmp_path / "1.png", 5)
    train, test = any_folder.read(any_folder.find(tmp_path), (4, 4, 1), same)
    assert train.labels is None and test is None and train.images.shape == (1, 4, 4, 1)


def test_labels_are_left_out(tmp_path):
    image(tmp_path / "a" / "1.png")
    assert any_folder.find(tmp_path, labels=False).labels == ()


def test_some_images(tmp_path):
    for value in range(9):
        image(tmp_path / "ab"[value % 2] / f"{value}.png", value)
    found = any_folder.find(tmp_path)
    few = found.limited(4, 0)
    assert len(few.train) == len(few.labels) == 4 and few == found.limited(4, 0)
    pairs = dict(zip(found.train, found.labels, strict=True))
    assert [pairs[path] for path in few.train] == list(few.labels)


def test_no_known_layout(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere' does not exist. Expected DIR/train"):
        any_folder.find(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no images. Expected DIR/train/<class>"):
        any_folder.find(tmp_path)
    (tmp_path / "train" / "a").mkdir(parents=True)
    image(tmp_path / "train" / "a" / "1.png")
    with pytest.raises(FileNotFoundError, match="test' does not exist"):
        any_folder.find(tmp_path)


def test_more_than_memory_holds(tmp_path, monkeypatch):
    for value in range(4):
        image(tmp_path / f"{value}.png")
    monkeypatch.setattr(os, "sysconf", lambda name: 8)
    with pytest.raises(ValueError, match="4 images of 4x4 pixels take.*Pass --max_images=0 to"):
        any_folder.read(any_folder.find(tmp_path), (4, 4, 3), same)
    with pytest.raises(ValueError, match="images with 7 channels; files have 1 .grey., 3"):
        any_folder.read(any_folder.find(tmp_path), (4, 4, 7), same)
