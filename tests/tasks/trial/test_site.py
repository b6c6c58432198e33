import json
import re

import numpy as np
import pytest
from PIL import Image

from ccm_tf.litert import LiteRTModel
from tasks.datasets.source import Images
from tasks.trial import classifier, runtime, site
from tasks.trial.samples import Samples
from tasks.trial.subject import Subject
from tests.tasks.trial.examples import CLASSES, colours


@pytest.fixture
def about(litert_files):
    models = tuple(classifier.read(litert_files[name]) for name in ("dense", "slim"))
    return Subject("Colours", models, Samples(Images(*colours(4)), tuple(CLASSES)))


def test_everything_that_the_page_asks_for_is_there(about, installed, tmp_path):
    folder = tmp_path / "new" / "site"
    index = site.write_site(about, runtime.find(installed), folder)
    assert index == folder / "index.html"
    values = json.loads((folder / "site.json").read_text())
    assert values == site.site_values(about, runtime.find(installed))
    asked = [entry["file"] for entry in (*values["models"], *values["images"])]
    asked += [place.removeprefix("./") for place in values["runtime"]["modules"].values()]
    asked += re.findall(r'src="([\w.]+)"', index.read_text(encoding="utf-8"))
    for script in folder.glob("*.js"):
        asked += re.findall(r"from '\./([\w.]+)'", script.read_text(encoding="utf-8"))
    assert len(asked) >= 12 and all((folder / name).is_file() for name in asked)
    assert (folder / "litert/wasm/litert_wasm_internal.wasm").is_file()
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_pixels_and_files_are_what_they_were(about, installed, tmp_path):
    site.write_site(about, runtime.find(installed), tmp_path)
    values = json.loads((tmp_path / "site.json").read_text())
    for entry, pixels, label in zip(values["images"], *colours(4), strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / entry["file"])), pixels)
        assert entry["label"] == label
    for entry, model in zip(values["models"], about.models, strict=True):
        assert LiteRTModel(tmp_path / entry["file"]).batch_size == 1
        assert entry["bytes"] == model.path.stat().st_size


def test_grey_images_without_labels(about, installed, tmp_path):
    grey = Images(colours(2)[0][..., :1], None)
    plain = Subject(about.title, about.models, Samples(grey, about.samples.classes))
    site.write_site(plain, runtime.find(installed), tmp_path)
    values = json.loads((tmp_path / "site.json").read_text())
    assert values["labelled"] is False and values["images"][0]["label"] is None
    assert np.asarray(Image.open(tmp_path / "images/0.png")).shape == (8, 6)


def test_a_page_is_written_anew_but_nothing_else_is_touched(about, installed, tmp_path):
    found = runtime.find(installed)
    site.write_site(about, found, tmp_path)
    site.write_site(about, found, tmp_path)
    other = tmp_path / "images"
    with pytest.raises(ValueError, match="holds something else than such a page"):
        site.write_site(about, found, other)
    with pytest.raises(NotADirectoryError):
        site.write_site(about, found, tmp_path / "index.html")
