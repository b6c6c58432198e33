import keras
import numpy as np
import pytest

from tasks.batches import Batches, EpochSetter, Preprocessing, Rest

PLAIN = Preprocessing((0.0,), (1.0,), pad=0, flip=False)
CIFAR = Preprocessing((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


def numbered(count, side=6, channels=1):
    """Images whose pixels are all different from 0, with their number as label."""
    images = np.random.default_rng(0).integers(1, 256, (count, side, side, channels), "uint8")
    return images, np.arange(count, dtype="int32")


def test_normalise_is_the_formula():
    images = numbered(4, channels=3)[0]
    expected = (images / 255.0 - np.array(CIFAR.mean)) / np.array(CIFAR.std)
    result = CIFAR.normalise(images)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_augment_crops_from_a_black_frame():
    images = numbered(400)[0]
    changed = Preprocessing((0.0,), (1.0,), pad=2, flip=True).augment(
        images, np.random.default_rng(1)
    )
    framed = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = set()
    for image, frame in zip(changed, framed, strict=True):
        crops = {
            (top, left, flip): frame[top : top + 6, left : left + 6][:, :: -1 if flip else 1]
            for top in range(5)
            for left in range(5)
            for flip in (False, True)
        }
        matching = [key for key, crop in crops.items() if np.array_equal(crop, image)]
        assert len(matching) == 1
        seen.add(matching[0])
    # 400 draws from 50 equally likely crops: a missing one has probability 0.015 in all.
    assert len(seen) == 50


def test_augment_leaves_its_input_alone():
    images = numbered(50)[0]
    before = images.copy()
    Preprocessing((0.0,), (1.0,), pad=0, flip=True).augment(images, np.random.default_rng(0))
    np.testing.assert_array_equal(images, before)


def test_no_flip_no_pad_changes_nothing():
    images = numbered(5)[0]
    np.testing.assert_array_equal(PLAIN.augment(images, np.random.default_rng(0)), images)


def test_an_epoch_holds_every_image_once_and_keeps_the_last_partial_batch():
    images, labels = numbered(21)
    batches = Batches(images, labels, PLAIN, batch_size=4, seed=3)
    sizes = [len(y) for _, y in batches]
    assert sizes == [4, 4, 4, 4, 4, 1]
    order = np.concatenate([y for _, y in batches])
    assert sorted(order) == list(range(21)) and list(order) != list(range(21))
    for x, y in batches:
        np.testing.assert_array_equal(x, PLAIN.normalise(images[y]))


def test_depends_on_seed_and_epoch_alone():
    images, labels = numbered(40, channels=3)
    made = {}
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        batches = Batches(images, labels, CIFAR, 8, seed=seed)
        batches.epoch = epoch
        made[seed, epoch] = batches[2]
        # Another order of access, and a fresh object, make the same batch.
        again = Batches(images, labels, CIFAR, 8, seed=seed)
        again[4]
        again.epoch = epoch
        np.testing.assert_array_equal(again[2][0], made[seed, epoch][0])
    assert not np.array_equal(made[0, 0][1], made[0, 1][1])
    assert not np.array_equal(made[0, 0][1], made[1, 0][1])


def test_without_seed_in_order():
    images, labels = numbered(10)
    batches = Batches(images, labels, Preprocessing((0.0,), (1.0,)), 4)
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), labels)


def test_epoch_setter_follows_fit_from_a_later_epoch():
    images, labels = numbered(20)
    seen = []

    class Recorder(Batches):
        def __getitem__(self, index):
            seen.append((self.epoch, index))
            return super().__getitem__(index)

    batches = Recorder(images, labels % 2, PLAIN, 4, seed=0)
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches.epoch = 7
    setter = EpochSetter(batches)
    model.fit(batches, initial_epoch=7, epochs=9, shuffle=False, callbacks=[setter], verbose=0)
    # Keras looks at some batches before it starts; what it trains on comes last and in order.
    assert seen[-5:] == [(8, i) for i in range(5)]
    assert {epoch for epoch, _ in seen} == {7, 8}


@pytest.mark.parametrize(
    "count,arguments,message",
    [(0, {}, "is empty"), (3, {"batch_size": 0}, "must be positive")],
)
def test_refuses_nothing_to_do(count, arguments, message):
    images, labels = numbered(count)
    with pytest.raises(ValueError, match=message):
        Batches(images, labels, PLAIN, **arguments)


def test_a_batch_beyond_the_end_is_an_index_error():
    with pytest.raises(IndexError, match="2 batches"):
        Batches(*numbered(5), PLAIN, 4)[2]


def test_blue_first():
    pixels = np.array([[[[10, 20, 30]]]], "uint8")
    scale = Preprocessing((0.0,) * 3, (1 / 255,) * 3, bgr=True)
    np.testing.assert_allclose(scale.normalise(pixels).ravel(), [30, 20, 10], rtol=1e-5)


def test_without_labels():
    pixels = np.zeros((3, 2, 2, 1), "uint8")
    data = Batches(pixels, None, Preprocessing((0.0,), (1.0,), pad=0), 2, seed=0)
    assert [len(batch) for batch in (data[0], data[1])] == [1, 1]
    assert data[0][0].shape == (2, 2, 2, 1)


def test_the_rest_of_an_epoch():
    batches = Batches(*numbered(10), PLAIN, 3, seed=0)
    rest = Rest(batches, 2)
    assert len(rest) == 2
    for index in range(2):
        for one, other in zip(rest[index], batches[index + 2], strict=True):
            np.testing.assert_array_equal(one, other)
