import dataclasses

import pytest

from tasks.trial import classifier, subject
from tasks.trial.subject import Choice
from tests.tasks.trial.examples import CLASSES, DIGITS, make_run


@pytest.fixture
def run(litert_files, tmp_path):
    """A run whose images were in a folder."""
    names = {"dense": "dense", "model": "slim", "model_int8": "int8"}
    files = {name: litert_files[source] for name, source in names.items()}
    return make_run(tmp_path, {"model": "net.keras"}, CLASSES, **files)


def test_all_files_of_a_run(run, image_folder):
    for choice in (Choice(images=str(image_folder)), Choice(data_dir=str(image_folder))):
        found = subject.of_run(run, choice)
        assert [model.title for model in found.models] == ["dense", "slim", "slim, int8"]
        assert found.title == "VGG-16 on digits, pruned"
        assert found.samples.classes == tuple(CLASSES) and len(found.samples.images) == 18
    assert len(subject.of_run(run, Choice(str(image_folder), count=7)).samples.images) == 7


def test_a_run_that_lacks_something(run, image_folder, tmp_path):
    with pytest.raises(ValueError, match="does not say where its images lie. Pass --images=DIR"):
        subject.of_run(run, Choice())
    (run / "model.tflite").unlink()
    with pytest.raises(ValueError, match="left no model.tflite: .*pass --dense=FILE --slim=FILE"):
        subject.of_run(run, Choice(str(image_folder)))
    with pytest.raises(ValueError, match="holds no run"):
        subject.of_run(image_folder, Choice())


def test_the_data_set_of_a_run(litert_files, tmp_path):
    file = litert_files["digits"]
    run = make_run(tmp_path, {"dataset": "digits"}, DIGITS, dense=file, model=file)
    found = subject.of_run(run, Choice(count=6))
    assert len(found.samples.images) == 6 and found.samples.images.labels is not None
    assert found.samples.classes == tuple(DIGITS)


def test_files_that_are_named(litert_files, image_folder):
    choice = Choice(str(image_folder))
    dense, slim, int8 = (str(litert_files[name]) for name in ("dense", "slim", "int8"))
    found = subject.of_files(dense, [slim, int8], choice)
    assert found.title == "dense against slim, int8"
    assert found.samples.classes == tuple(CLASSES)
    for arguments in (("", [slim], choice), (dense, [], choice), (dense, [slim], Choice())):
        with pytest.raises(ValueError, match="pass all of --dense=FILE --slim=FILE --images=DIR"):
            subject.of_files(*arguments)
    with pytest.raises(ValueError, match="At most 5 files fit"):
        subject.of_files(dense, 6 * [slim], choice)


def test_files_that_do_different_things(litert_files):
    first = classifier.read(litert_files["dense"])
    subject.check_alike([first, dataclasses.replace(first, labels=None)])
    for changes, message in (
        ({"shape": (9, 9, 3)}, r"different images: \(8, 6, 3\) and \(9, 9, 3\)"),
        ({"outputs": 4}, "different numbers of outputs: 3 and 4"),
        ({"labels": ("a", "b", "c")}, "different labels"),
    ):
        with pytest.raises(ValueError, match=message):
            subject.check_alike([first, dataclasses.replace(first, **changes)])
