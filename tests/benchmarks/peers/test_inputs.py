import numpy as np

from benchmarks.accuracy import training
from benchmarks.peers import inputs
from tasks.batches import Preprocessing
from tasks.data import Dataset
from tasks.datasets.source import Images

RECIPE = {"steps": 5, "batch_size": 8, "augment": True}
COUNTS = {"sample": 6, "recalibration": 12}


def dataset():
    generator = np.random.default_rng(0)

    def images(count):
        pixels = generator.integers(0, 256, (count, 6, 6, 3)).astype("uint8")
        return Images(pixels, generator.integers(0, 2, count).astype("int32"))

    preprocessing = Preprocessing((0.5, 0.4, 0.3), (0.2, 0.2, 0.3), pad=2)
    return Dataset("drawn", images(20), None, images(7), ("a", "b"), preprocessing)


def test_fine_tuning_sees_the_batches_of_the_accuracy_benchmark():
    found = inputs.draw(dataset(), COUNTS, RECIPE, seed=3).tuning_batches()
    # 20 images are three batches, the last one smaller: five steps are an epoch and two thirds.
    expected = training.FixedSteps(dataset().batches("train", 8, seed=1003), 5)
    assert len(found) == 5 and [len(found[i][1]) for i in range(5)] == [8, 8, 4, 8, 8]
    for i in range(5):
        for ours, theirs in zip(found[i], expected[i], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_without_augmentation_images_are_as_they_are():
    found = inputs.draw(dataset(), COUNTS, {**RECIPE, "augment": False}, seed=3)
    known = {image.tobytes() for image in dataset().train.images}
    assert all(image.tobytes() in known for image in found.tuning[0])


def test_samples_are_those_of_the_data_set():
    found = inputs.draw(dataset(), COUNTS, RECIPE, seed=3)
    images, labels = found.normalised("recalibration")
    expected = dataset().sample("train", 12, 3)
    np.testing.assert_array_equal(images, dataset().preprocessing.normalise(expected.images))
    np.testing.assert_array_equal(labels, expected.labels)
    assert len(found.sample[0]) == 6 and len(found.checked) == len(found.test[0]) == 7


def test_what_was_written_is_read_and_not_drawn_again(tmp_path):
    path = tmp_path / "inputs.npz"
    drawn = []

    def make():
        drawn.append(1)
        return inputs.draw(dataset(), COUNTS, RECIPE, seed=3)

    first = inputs.stored(path, {"counts": (1, 2)}, make)
    second = inputs.stored(path, {"counts": (1, 2)}, make)
    assert len(drawn) == 1 and first.preprocessing == second.preprocessing
    np.testing.assert_array_equal(first.tuning[0], second.tuning[0])
    np.testing.assert_array_equal(first.tuning_sizes, second.tuning_sizes)
    assert first.fingerprint == second.fingerprint
    inputs.stored(path, {"counts": (1, 3)}, make)
    assert len(drawn) == 2


def test_other_images_have_another_fingerprint():
    found = [inputs.draw(dataset(), COUNTS, RECIPE, seed=seed).fingerprint for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]
