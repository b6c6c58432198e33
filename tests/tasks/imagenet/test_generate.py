from tasks.datasets import image_folder
from tasks.imagenet.generate import write


def test_is_an_image_folder(tmp_path):
    write(tmp_path)
    for split, count in (("train", 24), ("test", 8)):
        found = image_folder.listed(tmp_path, split)
        assert {name: len(files) for name, files in found.items()} == dict.fromkeys(
            ("blue", "green", "red"), count
        )
